import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Receiver } from "../../../../src/gateway/fan-out/crowd.ts";
import { Multicast } from "../../../../src/gateway/fan-out/multicast.ts";
import { LoopTime } from "../../../../src/ops/loop-time.ts";
import { rounds } from "../../../unit/doubles/rounds.ts";
import { turn } from "../../../unit/doubles/turn.ts";

/** What a write takes here, in milliseconds of a clock that only goes on by that. */
const writeMs = 0.5;

function played() {
  const clock = { ms: 0 };
  const multicast = new Multicast(new LoopTime(() => clock.ms));
  return { clock, multicast };
}

class Reader implements Receiver {
  readonly #clock: { ms: number };
  got = "";
  bytes = 0;
  writes = 0;

  constructor(clock: { ms: number }) {
    this.#clock = clock;
  }

  receive(bytes: Uint8Array): void {
    this.#clock.ms += writeMs;
    this.writes++;
    this.bytes += bytes.length;
    // The text of megabytes for each of hundreds of readers would take seconds.
    if (bytes.length < 10_000) this.got += Buffer.from(bytes).toString();
  }
}

function readers(clock: { ms: number }, count: number): Reader[] {
  return Array.from({ length: count }, () => new Reader(clock));
}

test("what is published in one turn of the event loop is written to each receiver as one", async () => {
  const { clock, multicast } = played();
  const both = readers(clock, 2);
  for (const reader of both) multicast.subscribe("k", reader);
  for (const text of ["a", "b", "c"]) multicast.publish("k", text);
  await turn();
  expect(both.map(({ got, writes }) => [got, writes])).toEqual([
    ["abc", 1],
    ["abc", 1],
  ]);
});

test("very many receivers are written to in several turns of the event loop, none of which is long", async () => {
  const { clock, multicast } = played();
  const all = readers(clock, 1000);
  for (const reader of all) multicast.subscribe("k", reader);
  multicast.publish("k", "a");
  let turns = 0;
  for (; all.some(({ got }) => got === ""); turns++) {
    const beganMs = clock.ms;
    await turn();
    expect(clock.ms - beganMs).toBeLessThanOrEqual(5 + writeMs);
    // What comes meanwhile is put together for the time after that.
    multicast.publish("k", "b");
  }
  expect(turns).toBeGreaterThan(50);
  for (let more = 0; all.some(({ got }) => got.length < 1 + turns); more++) {
    expect(more).toBeLessThan(500);
    await turn();
  }
  for (const { got } of all) expect(got).toBe(`a${"b".repeat(turns)}`);
  expect(Math.max(...all.map(({ writes }) => writes))).toBeLessThanOrEqual(3);
});

test("no more than 256 writes are begun in a turn, since what they take is seen only at its end", async () => {
  const clock = { ms: 0 };
  const multicast = new Multicast(new LoopTime(() => clock.ms));
  const all = readers({ ms: 0 }, 1000);
  for (const reader of all) multicast.subscribe("k", reader);
  multicast.publish("k", "a");
  const written = () => all.filter(({ writes }) => writes > 0).length;
  for (let turns = 1; turns <= 4; turns++) {
    await turn();
    expect(written()).toBe(Math.min(1000, 256 * turns));
  }
});

test("one large crowd does not keep the receivers of another key waiting", async () => {
  const { clock, multicast } = played();
  for (const reader of readers(clock, 1000)) multicast.subscribe("crowd", reader);
  const [alone] = readers(clock, 1);
  multicast.subscribe("k", alone!);
  multicast.publish("crowd", "a");
  await turn();
  multicast.publish("k", "b");
  for (let turns = 0; alone!.got === ""; turns++) {
    expect(turns).toBeLessThan(3);
    await turn();
  }
});

test("large messages are written in several turns, too, and fewer of them in each", async () => {
  const { clock, multicast } = played();
  const all = readers(clock, 300);
  for (const reader of all) multicast.subscribe("k", reader);
  for (const size of [64 * 1024, 1024 ** 2]) {
    const beganMs = clock.ms;
    multicast.publish("k", "a".repeat(size));
    expect(clock.ms).toBe(beganMs);
  }
  const clockless = { ms: 0 };
  const few = readers({ ms: 0 }, 300);
  const other = new Multicast(new LoopTime(() => clockless.ms));
  for (const reader of few) other.subscribe("k", reader);
  other.publish("k", "a".repeat(1024 ** 2));
  await turn();
  expect(few.filter(({ writes }) => writes > 0)).toHaveLength(16);
});

test("what is kept for crowds that are being written to has a limit, and is let go of with them", async () => {
  const { clock, multicast } = played();
  const all = readers(clock, 100);
  for (const reader of all) multicast.subscribe("k", reader);
  multicast.publish("k", "a");
  await turn();
  for (let part = 0; part < 5; part++) multicast.publish("k", "b".repeat(1024 ** 2));
  for (const { bytes } of all) expect(bytes).toBeGreaterThan(1024 ** 2);
  for (const reader of all) multicast.unsubscribe("k", reader);
  const [last] = readers(clock, 1);
  multicast.subscribe("k", last!);
  for (let part = 0; part < 4; part++) multicast.publish("k", "c".repeat(1024 ** 2));
  expect(last!.writes).toBe(0);
});

test("each client gets everything that was published while it was subscribed, once and in order, whatever the others do", async () => {
  const action = fc.oneof(
    { weight: 4, arbitrary: fc.record({ is: fc.constant("publish" as const), key: fc.nat(1) }) },
    { weight: 2, arbitrary: fc.record({ is: fc.constant("turn" as const) }) },
    fc.record({
      is: fc.constantFrom("join", "leave", "alone"),
      key: fc.nat(1),
      who: fc.nat(29),
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 60 }), async (actions) => {
      const { clock, multicast } = played();
      const all = readers(clock, 30);
      const expected = all.map(() => ["", ""]);
      const isThere = all.map((_, who) => [who % 2 === 0, false]);
      const got = (who: number, key: number) =>
        all[who]!.got.replaceAll(new RegExp(`(?:${1 - key}:\\d+;)`, "g"), "");
      for (const [who, reader] of all.entries()) if (who % 2 === 0) multicast.subscribe("0", reader);
      for (const [at, one] of actions.entries()) {
        if (one.is === "turn") await turn();
        else if (one.is === "publish") {
          const text = `${one.key}:${at};`;
          multicast.publish(`${one.key}`, text);
          for (const [who, there] of isThere.entries()) if (there[one.key]) expected[who]![one.key] += text;
        } else {
          const { who, key } = one as { who: number; key: number };
          if (one.is === "join") multicast.subscribe(`${key}`, all[who]!);
          else if (one.is === "leave") multicast.unsubscribe(`${key}`, all[who]!);
          else multicast.writeTo(`${key}`, all[who]!);
          if (one.is !== "join" && isThere[who]![key]) expect(got(who, key)).toBe(expected[who]![key]!);
          if (one.is !== "alone") isThere[who]![key] = one.is === "join";
        }
      }
      const isWhole = (who: number, key: number) => got(who, key) === expected[who]![key]!;
      const areWhole = () => all.keys().every((who) => isWhole(who, 0) && isWhole(who, 1));
      for (let turns = 0; turns < 200 && !areWhole(); turns++) await turn();
      // Nothing comes twice.
      for (let turns = 0; turns < 5; turns++) await turn();
      for (const who of all.keys())
        for (const key of [0, 1]) expect(got(who, key)).toBe(expected[who]![key]!);
    }),
    rounds(50),
  );
});
