import { expect, test } from "bun:test";
import { Outage } from "../../../../src/broker/rabbitmq/outage.ts";
import { RecordingLogger } from "../../doubles/recording-logger.ts";

/** What is logged at the level that is shown unless told otherwise. */
const said = ({ lines }: RecordingLogger) =>
  lines
    .filter(({ level }) => level !== "debug")
    .map(({ message, fields }) => [message, fields["connection"]]);

test("the loss of several links is said once, and once that they are back", () => {
  const logger = new RecordingLogger();
  const outage = new Outage(logger);
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

test("each outage is said anew, and what happens during one is there for whoever debugs", () => {
  const logger = new RecordingLogger();
  const outage = new Outage(logger);
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
