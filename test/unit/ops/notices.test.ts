import { expect, test } from "bun:test";
import { Notices } from "../../../src/ops/notices.ts";
import { RecordingLog } from "../doubles/recording-log.ts";

test("each value is warned of once", () => {
  const log = new RecordingLog();
  const notices = new Notices(log);
  for (const value of ["a", "b", "a"])
    notices.warnOnce("refused", "origin", value, () => ({ flag: `+${value}` }));
  notices.warnOnce("another thing", "origin", "a", () => ({}));
  expect(log.lines.map(({ message, fields }) => [message, fields])).toEqual([
    ["refused", { origin: "a", flag: "+a" }],
    ["refused", { origin: "b", flag: "+b" }],
    ["another thing", { origin: "a" }],
  ]);
});

test("a stranger who makes up values without end gets a hundred lines, each of a bounded length", () => {
  const log = new RecordingLog();
  const notices = new Notices(log);
  for (let number = 0; number < 10_000; number++)
    notices.warnOnce("refused", "origin", `${number}${"x".repeat(16_000)}`, () => ({}));
  expect(log.lines.length).toBeLessThanOrEqual(102);
  expect(Math.max(...log.lines.map(({ fields }) => String(fields["origin"] ?? "").length))).toBe(200);
  expect(log.lines.at(-1)?.message).toBe("further refusals of this kind are not logged");
});
