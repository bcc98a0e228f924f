import { expect, test } from "bun:test";
import { Notices } from "../../../src/ops/notices.ts";
import { RecordingLogger } from "../doubles/recording-logger.ts";

test("each value is warned of once", () => {
  const logger = new RecordingLogger();
  const notices = new Notices(logger);
  for (const value of ["a", "b", "a"])
    notices.warnOnce("refused", "origin", value, () => ({ flag: `+${value}` }));
  notices.warnOnce("another thing", "origin", "a", () => ({}));
  expect(logger.lines.map(({ message, fields }) => [message, fields])).toEqual([
    ["refused", { origin: "a", flag: "+a" }],
    ["refused", { origin: "b", flag: "+b" }],
    ["another thing", { origin: "a" }],
  ]);
});

test("endless made-up values cause at most a hundred log lines, each of a bounded length", () => {
  const logger = new RecordingLogger();
  const notices = new Notices(logger);
  for (let number = 0; number < 1000; number++)
    notices.warnOnce("refused", "origin", `${number}${"x".repeat(16_000)}`, () => ({}));
  expect(logger.lines.length).toBeLessThanOrEqual(102);
  expect(Math.max(...logger.lines.map(({ fields }) => String(fields["origin"] ?? "").length))).toBe(200);
  expect(logger.lines.at(-1)?.message).toBe("further refusals of this kind are not logged");
});
