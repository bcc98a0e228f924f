import { expect, test } from "bun:test";
import { contentOf, managerMessageIn } from "../../../src/events/manager-message.ts";
import { knownCharsMax, Neighbours, neighboursMax } from "../../../src/events/neighbours.ts";
import { beatOf, known } from "../../unit/doubles/heartbeats.ts";

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
