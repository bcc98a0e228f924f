import { expect, test } from "bun:test";
import { FrameParser } from "../../../../src/wire/stomp/parser.ts";
import { frameLimits } from "../../../support/frame-limits.ts";

test("a frame's limits are not to be got around by sending byte by byte, which costs no more than the bytes", () => {
  const parser = new FrameParser(frameLimits(1024 ** 2));
  // Of this process alone: a busy machine takes longer, and no more of it.
  const start = process.cpuUsage();
  let early = 0;
  for (const byte of Buffer.from(`SEND\na:b\n\n${"x".repeat(300_000)}`)) {
    parser.push(Buffer.from([byte]));
    if (parser.next() !== undefined) early++;
  }
  expect(early).toBe(0);
  parser.push(Buffer.from([0]));
  expect(parser.next()).toMatchObject({ command: "SEND" });
  expect(process.cpuUsage(start).user).toBeLessThan(5_000_000);
});
