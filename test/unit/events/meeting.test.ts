import { expect, test } from "bun:test";
import { Events } from "../../../src/events/events.ts";
import { LoopTime } from "../../../src/ops/loop-time.ts";
import { EventLog } from "../doubles/event-log.ts";
import { RecordingLogger } from "../doubles/recording-logger.ts";

function managerIn(log: EventLog, name: string): Events {
  const events = new Events(name, { forEach: () => undefined, loop: new LoopTime() }, new RecordingLogger());
  log.connect(events, 1);
  return events;
}

test("a manager that comes knows all others at once, and need not wait for their next heartbeats", async () => {
  const log = new EventLog();
  const managers = ["one", "two", "late"].map((name) => managerIn(log, name));
  expect(managers.map(({ others }) => others.toSorted())).toEqual([
    ["late", "two"],
    ["late", "one"],
    ["one", "two"],
  ]);
  await Promise.all(managers.map((events) => events.close(0)));
});

test("the companion of a manager is told of each other one once", async () => {
  const log = new EventLog();
  const one = managerIn(log, "one");
  const met: string[] = [];
  one.companion = {
    met: (manager) => void met.push(manager),
    heard: () => undefined,
    opened: () => undefined,
    closed: () => undefined,
    gone: () => undefined,
    renamed: () => undefined,
    beat: () => undefined,
  };
  const others = ["two", "three"].map((name) => managerIn(log, name));
  expect(met).toEqual(["two", "three"]);
  await Promise.all([one, ...others].map((events) => events.close(0)));
});
