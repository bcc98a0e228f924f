import { expect, test } from "bun:test";
import { Awareness } from "../../chaos/awareness.ts";
import type { LogLine } from "../../support/warren.ts";

test("a manager does not know a group from its start until its log says that it relies on it", () => {
  const log: LogLine[] = [];
  const manager = { starts: 1, isRunning: true, process: { log } };
  const awareness = new Awareness(manager);
  const says = (...groups: string[]) =>
    log.push({ msg: "publishing relies on groups", exchange: "wsmanager", groups });
  awareness.look(100);
  log.push({ msg: "publishing relies on groups", exchange: "towsmanager", groups: ["first"] });
  says();
  awareness.look(200);
  says("first");
  awareness.look(300);
  says("first", "second");
  says("first");
  awareness.look(400);
  expect(awareness.unaware).toEqual({ first: [{ from: 100, to: 300 }], second: [{ from: 100, to: 400 }] });
});

test("a manager that died before it had heard of a group did not know it until it was started again", () => {
  const manager = { starts: 1, isRunning: true, process: { log: [] as LogLine[] } };
  const awareness = new Awareness(manager);
  awareness.look(100);
  manager.isRunning = false;
  awareness.look(200);
  Object.assign(manager, { starts: 2, isRunning: true });
  awareness.look(300);
  const unaware = [
    { from: 100, to: 300 },
    { from: 300, to: Number.POSITIVE_INFINITY },
  ];
  expect(awareness.unaware).toEqual({ first: unaware, second: unaware });
});
