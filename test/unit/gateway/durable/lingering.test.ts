import { expect, setDefaultTimeout, test } from "bun:test";
import { integrationTimeoutMs } from "../../../support/timeout.ts";
import { turn } from "../../doubles/turn.ts";
import { World } from "./world.ts";

setDefaultTimeout(integrationTimeoutMs);

test("one whose place turns out to be in another log as it joins a sweep that lingers gets all of this log, after a gap", async () => {
  const world = new World(1000, 5);
  const { durables } = world;
  world.mark();
  world.deleteLog();
  world.append(["b", "a"], 0);
  const before = { offset: 0, index: -1, fingerprint: "seen" };
  world.deleteLog();
  world.append(["b", "a"], 0);
  world.append(["a"], 0);
  world.subscribe("a", "first", false);
  // The only one of its sweep has to read first.
  while (durables.counts.parked === 0) await turn();
  expect(durables.readingCount).toBe(1);
  world.subscribe("a", before, true, 1);
  for (let turns = 0; durables.counts.atEnd === 0; turns++) {
    expect(turns).toBeLessThan(200);
    if (turns % 20 === 19) world.append(["a"], 0);
    await turn();
  }
  world.check(world.peers[1]!);
  for (const peer of world.peers) world.leave(peer);
  durables.close();
});
