import { expect, test } from "bun:test";
import { Outage } from "../../../../../src/broker/rabbitmq/connection/outage.ts";
import { RecordingLogger } from "../../../doubles/recording-logger.ts";

/** What is logged at the level that is shown unless told otherwise. */
const said = ({ lines }: RecordingLogger) =>
  lines
    .filter(({ level }) => level !== "debug")
    .map(({ message, fields }) => [message, fields["connection"]]);

test("the loss of several links is logged once, and so is their return", () => {
  const logger = new RecordingLogger();
  const outage = new Outage(logger, () => 0);
  outage.open("publishing", {});
  outage.open("consuming", {});
  outage.lost("publishing", "broker lost", { reason: "cut" });
  outage.lost("consuming", "broker lost", { reason: "cut" });
  outage.lost("publishing", "broker lost", { reason: "refused" });
  outage.open("publishing", {});
  expect(said(logger)).toEqual([["broker lost", "publishing"]]);
  outage.open("consuming", {});
  expect(said(logger)).toEqual([
    ["broker lost", "publishing"],
    ["broker is back", "consuming"],
  ]);
});

test("each outage is logged once, and its further events are debug lines", () => {
  const logger = new RecordingLogger();
  const outage = new Outage(logger, () => 0);
  for (let i = 0; i < 2; i++) {
    outage.lost("publishing", "broker lost", {});
    outage.lost("publishing", "broker lost", {});
    outage.open("publishing", {});
  }
  expect(said(logger).map(([message]) => message)).toEqual([
    "broker lost",
    "broker is back",
    "broker lost",
    "broker is back",
  ]);
  expect(logger.lines.filter(({ message }) => message === "broker still away").length).toBe(2);
});

test("when RabbitMQ is back, the log says after how long, and how many messages waited at most", () => {
  const logger = new RecordingLogger();
  let nowMs = 0;
  let waiting = 0;
  const outage = new Outage(
    logger,
    () => waiting,
    () => nowMs,
  );
  const back = () => logger.lines.filter(({ message }) => message === "broker is back").at(-1)?.fields;
  outage.lost("publishing", "broker lost", {});
  outage.lost("consuming", "broker lost", {});
  waiting = 70;
  nowMs = 61_230;
  outage.open("publishing", {});
  waiting = 0;
  outage.open("consuming", {});
  expect(back()).toEqual({ connection: "consuming", awaySeconds: 61.2, messagesWaited: 70 });
  nowMs = 100_000;
  outage.lost("publishing", "broker lost", {});
  nowMs = 100_400;
  outage.open("publishing", {});
  expect(back()).toEqual({ connection: "publishing", awaySeconds: 0.4, messagesWaited: 0 });
});

test("an outage that lasts is logged again, with its current reason, less and less often", () => {
  const logger = new RecordingLogger();
  let nowMs = 0;
  const outage = new Outage(
    logger,
    () => 0,
    () => nowMs,
  );
  outage.lost("publishing", "broker lost", { reason: "cut" });
  for (; nowMs < 1_000_000; nowMs += 1000) {
    const reason = nowMs < 10_000 ? "refused" : "the queue cannot be declared";
    outage.lost("publishing", "broker not reachable", { reason });
    outage.lost("consuming", "broker not reachable", { reason });
  }
  const told = logger.lines.filter(({ level }) => level === "warn").slice(1);
  expect(told.map(({ fields }) => fields["awaySeconds"])).toEqual([15, 45, 105, 225, 465, 765]);
  expect(told.every(({ message }) => message === "broker still away")).toBe(true);
  expect(told[0]?.fields["reason"]).toBe("the queue cannot be declared");
  outage.open("publishing", {});
  outage.open("consuming", {});
  outage.lost("publishing", "broker lost", { reason: "cut" });
  nowMs += 14_000;
  outage.lost("publishing", "broker not reachable", { reason: "refused" });
  // Each outage has times of its own.
  expect(logger.lines.at(-1)?.level).toBe("debug");
});
