import { optionTable } from "../../src/options/table.ts";
import type { FrameLimits } from "../../src/wire/stomp/frames.ts";

/** The default limits of a STOMP frame, except that of the body. */
export function frameLimits(maxMessageBytes: number): FrameLimits {
  return {
    maxMessageBytes,
    maxHeaders: optionTable.maxHeaders.default,
    maxHeaderBytes: optionTable.maxHeaderBytes.default,
  };
}
