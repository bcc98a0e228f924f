import { expect, test } from "bun:test";
import { Outage } from "../../../../src/broker/rabbitmq/outage.ts";
import { RecordingLog } from "../../doubles/recording-log.ts";

/** What is logged at the level that is shown unless told otherwise. */
const said = ({ lines }: RecordingLog) =>
  lines
    .filter(({ level }) => level !== "debug")
    .map(({ message, fields }) => [message, fields["connection"]]);

test("the loss of several links is said once, and once that they are back", () => {
  const log = new RecordingLog();
  const outage = new Outage(log);
  outage.open("publishing", {});
  outage.open("consuming", {});
  outage.lost("publishing", "broker lost", { reason: "cut" });
  outage.lost("consuming", "broker lost", { reason: "cut" });
  outage.lost("publishing", "broker lost", { reason: "refused" });
  outage.open("publishing", {});
  expect(said(log)).toEqual([["broker lost", "publishing"]]);
  outage.open("consuming", {});
  expect(said(log)).toEqual([
    ["broker lost", "publishing"],
    ["broker is back", "consuming"],
  ]);
});

test("each outage is said anew, and what happens during one is there for whoever debugs", () => {
  const log = new RecordingLog();
  const outage = new Outage(log);
  for (let i = 0; i < 2; i++) {
    outage.lost("publishing", "broker lost", {});
    outage.lost("publishing", "broker lost", {});
    outage.open("publishing", {});
  }
  expect(said(log).map(([message]) => message)).toEqual([
    "broker lost",
    "broker is back",
    "broker lost",
    "broker is back",
  ]);
  expect(log.lines.filter(({ message }) => message === "broker still away").length).toBe(2);
});
