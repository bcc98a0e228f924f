import { expect, test } from "bun:test";
import type { Heartbeat, Known } from "../../../src/events/event.ts";
import { contentOf, managerMessageIn } from "../../../src/events/manager-message.ts";
import { knownCharsMax, Neighbours, neighboursMax } from "../../../src/events/neighbours.ts";

const sourceOf = (manager: string, n = 1) => `wsmanager.events.${manager}.${n}`;
const known = (manager: string, sources = 1): Known => [
  manager,
  Array.from({ length: sources }, (_, n) => sourceOf(manager, n + 1)),
  0,
];
const beatOf = (manager: string, knows: readonly Known[] = []): Heartbeat => ({
  ...{ manager, source: sourceOf(manager), sources: [sourceOf(manager)], snapshotAt: 0, isSettled: false },
  knows,
});

test("however many managers a program makes up, a manager's own heartbeat stays one that others read", () => {
  const neighbours = new Neighbours("own");
  const long = (n: number) => `${"x".repeat(90)}-${n}`;
  for (let n = 0; n < 2 * neighboursMax; n++) {
    neighbours.heard({ ...beatOf(long(n)), sources: known(long(n), 100)[1] }, 0);
    neighbours.heard(beatOf("other", [known(`${long(n)}-made-up`, 100)]), 0);
  }
  const beat = { beat: beatOf("own", neighbours.known) };
  const body = Buffer.from(JSON.stringify(beat));
  expect(body.length).toBeLessThan(2 * knownCharsMax);
  expect(managerMessageIn(contentOf(body))).toEqual(beat);
});
