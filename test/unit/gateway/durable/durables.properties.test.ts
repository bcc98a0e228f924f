import { expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { integrationTimeoutMs } from "../../../support/timeout.ts";
import { rounds } from "../../doubles/rounds.ts";
import { turn } from "../../doubles/turn.ts";
import { play, step, World } from "./world.ts";

setDefaultTimeout(integrationTimeoutMs);

test("every durable subscription gets every message from its place on, once and in order, or is told of the gap, whatever happens", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 80, size: "max" }),
      fc.nat(12),
      fc.nat(12),
      fc.constantFrom(1_000, 6_000, 400_000, 4_000_000),
      fc.constantFrom(undefined, 0, 3),
      async (steps, before, dropped, windowBytes, publishedMax) => {
        const world = new World(windowBytes, 5, publishedMax);
        const { durables } = world;
        for (let count = 0; count < before; count++)
          world.epochs[0]!.push(world.log.append(count % 3 === 0 ? ["a", "b", "a"] : ["a"], count % 2));
        world.firstKept = world.log.entries[Math.min(dropped, before - 1)]?.offset ?? 0;
        world.log.keptFrom = world.firstKept;
        world.mark();
        for (const one of steps) await play(world, one);
        const staying = () => world.peers.filter(({ leftWith }) => leftWith === undefined);
        for (const { client, subscription } of staying()) {
          client.networkTakes(Number.POSITIVE_INFINITY);
          durables.drained(subscription);
        }
        if (!world.isFollowed) world.mark();
        const isDone = () => durables.counts.atEnd === staying().length && !durables.end.isLate;
        // Those that wait to tell of a gap with a message need one.
        for (let turns = 0; turns < 400 && !isDone(); turns++) {
          if (turns % 50 === 40) world.append(["a", "b"], 0);
          await (turns % 20 === 19 ? Bun.sleep(2) : turn());
          for (const { subscription } of staying()) durables.drained(subscription);
        }
        expect(durables.counts).toEqual({
          atEnd: staying().length,
          catchingUp: 0,
          sweeping: 0,
          parked: 0,
          locating: 0,
        });
        for (const peer of world.peers) world.check(peer);
        expect(world.subscribed).toBeGreaterThanOrEqual(staying().length);
        expect(world.subscribed).toBeLessThanOrEqual(world.peers.length);
        // Three that go on in the nearest stretch, and those that wait for clients that have to read first: no more than go on elsewhere.
        expect(world.log.readingsMax).toBeLessThanOrEqual(7);
        for (const peer of staying()) world.leave(peer);
        expect(Object.values(durables.counts)).toEqual([0, 0, 0, 0, 0]);
        expect(durables.readingCount).toBe(0);
        durables.close();
      },
    ),
    rounds(30),
  );
});
