import { optionTable } from "../../src/options/table.ts";
import type { FrameLimits } from "../../src/wire/stomp/frames.ts";

/** The limits of a STOMP frame as they are by default, but for the body's. */
export function frameLimits(maxMessageBytes: number): FrameLimits {
  return {
    maxMessageBytes,
    maxHeaders: optionTable.maxHeaders.default,
    maxHeaderBytes: optionTable.maxHeaderBytes.default,
  };
}
