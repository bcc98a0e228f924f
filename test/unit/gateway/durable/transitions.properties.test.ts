import { expect, setDefaultTimeout, spyOn, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { type DurableState, moves } from "../../../../src/gateway/durable/states.ts";
import { DurableSubscription } from "../../../../src/gateway/durable/subscription.ts";
import { integrationTimeoutMs } from "../../../support/timeout.ts";
import { rounds } from "../../doubles/rounds.ts";
import { turn } from "../../doubles/turn.ts";
import { play, step, World } from "./world.ts";

setDefaultTimeout(integrationTimeoutMs);

const states = Object.keys(moves) as DurableState[];

test("each move leads to a state, and each state is reached and left but for the last", () => {
  const reached = new Set(states.flatMap((from) => Object.keys(moves[from])));
  expect([...reached].sort()).toEqual([...states].sort());
  expect(states.filter((from) => !("ended" in moves[from]))).toEqual(["ended"]);
});

test("one class moves subscriptions, and no other", () => {
  const root = join(import.meta.dir, "../../../..");
  const files = [...new Bun.Glob("src/**/*.ts").scanSync(root)];
  const moving = files.filter((file) => readFileSync(join(root, file), "utf8").includes(".becomes("));
  expect(moving).toEqual(["src/gateway/durable/durables.ts"]);
});

test("whatever happens, subscriptions move along the table alone, and each is kept once, by what its state says", async () => {
  const { becomes } = DurableSubscription.prototype;
  const before = new WeakMap<DurableSubscription, DurableState>();
  const strange: string[] = [];
  const watched = spyOn(DurableSubscription.prototype, "becomes").mockImplementation(function (
    this: DurableSubscription,
    to: DurableState,
  ) {
    const from = before.get(this) ?? "locating";
    if (!(to in moves[from])) strange.push(`${from} → ${to}`);
    before.set(this, to);
    becomes.call(this, to);
  });
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60, size: "max" }),
        fc.constantFrom(1_000, 6_000, 400_000),
        fc.constantFrom(undefined, 0, 3),
        async (steps, windowBytes, publishedMax) => {
          const world = new World(windowBytes, 5, publishedMax);
          world.mark();
          for (const one of steps) {
            await play(world, one);
            expect(world.durables.counts).toEqual(talliedStates(world));
          }
          for (const peer of world.peers) world.leave(peer);
          await turn();
          expect(talliedStates(world)).toEqual(nobody);
          expect(world.durables.counts).toEqual(nobody);
          world.durables.close();
        },
      ),
      rounds(40),
    );
  } finally {
    watched.mockRestore();
  }
  expect(strange).toEqual([]);
});

const nobody = { atEnd: 0, catchingUp: 0, sweeping: 0, parked: 0, locating: 0 };

/** How many are in each state, by what they say themselves: their keepers count what they keep. */
function talliedStates({ peers }: World): typeof nobody {
  const count = (state: DurableState) =>
    peers.filter(({ subscription }) => subscription.state === state).length;
  return {
    atEnd: count("at the end"),
    catchingUp: count("catching up"),
    sweeping: count("sweeping"),
    parked: count("parked"),
    locating: count("locating"),
  };
}
