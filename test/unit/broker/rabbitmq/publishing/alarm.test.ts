import { expect, test } from "bun:test";
import { Alarm } from "../../../../../src/broker/rabbitmq/publishing/alarm.ts";
import { RecordingLogger } from "../../../doubles/recording-logger.ts";

function watched() {
  const logger = new RecordingLogger();
  const clock = { ms: 1000, waiting: 0 };
  const alarm = new Alarm(
    logger,
    () => clock.waiting,
    () => clock.ms,
  );
  return { alarm, clock, logger };
}

test("an alarm says what to do, and when it is over for how long it was and how much waited", () => {
  const { alarm, clock, logger } = watched();
  alarm.raised("low on disk");
  expect(alarm.why).toBe("RabbitMQ does not take messages: low on disk");
  clock.ms += 12_340;
  clock.waiting = 17;
  alarm.cleared();
  expect(alarm.why).toBeUndefined();
  expect(logger.lines).toEqual([
    {
      level: "warn",
      message: "RabbitMQ takes no messages: what is published waits",
      fields: { reason: "low on disk", mend: expect.stringContaining("free disk space") },
    },
    {
      level: "info",
      message: "RabbitMQ takes messages again",
      fields: { afterSeconds: 12.3, messagesWaited: 17 },
    },
  ]);
});

test("a second alarm is logged, and does not start the time again; the same alarm is logged once", () => {
  const { alarm, clock, logger } = watched();
  alarm.raised("low on memory");
  alarm.raised("low on memory");
  clock.ms += 5000;
  alarm.raised("low on disk & memory");
  clock.ms += 5000;
  alarm.cleared();
  expect(logger.lines.map(({ level }) => level)).toEqual(["warn", "warn", "info"]);
  expect(logger.lines[0]!.fields).toMatchObject({
    mend: expect.stringContaining("vm_memory_high_watermark"),
  });
  expect(logger.lines[2]!.fields).toMatchObject({ afterSeconds: 10 });
});

test("nothing is logged when the connection is lost, since the next one tells whether RabbitMQ takes messages", () => {
  const { alarm, logger } = watched();
  alarm.raised("low on disk");
  alarm.lost();
  expect(alarm.why).toBeUndefined();
  alarm.cleared();
  expect(logger.lines).toHaveLength(1);
});
