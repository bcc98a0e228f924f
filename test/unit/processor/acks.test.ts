import { describe, expect, jest, test } from "bun:test";
import fc from "fast-check";
import type { ConsumeSession } from "../../../src/broker/broker.ts";
import { Acks } from "../../../src/processor/acks.ts";
import { rounds } from "../doubles/rounds.ts";
import { turn } from "../doubles/turn.ts";

/** A session as strict as RabbitMQ, which closes the channel when a tag is not open. */
class StrictSession implements ConsumeSession {
  readonly acks: [tag: number, multiple: boolean][] = [];
  readonly open = new Set<number>();
  readonly #isDone: (tag: number) => boolean;

  constructor(isDone: (tag: number) => boolean = () => true) {
    this.#isDone = isDone;
  }

  ack(tag: number, multiple: boolean): void {
    if (!this.open.has(tag)) throw new Error(`unknown delivery tag ${tag}`);
    this.acks.push([tag, multiple]);
    for (const each of multiple ? [...this.open].filter((open) => open <= tag) : [tag]) {
      if (!this.#isDone(each)) throw new Error(`delivery ${each} is acknowledged and not done`);
      this.open.delete(each);
    }
  }

  take(): void {
    throw new Error("nobody asked for more");
  }

  stop(): void {
    throw new Error("nobody asked for a stop");
  }
}

function deliveries(count: number, prefetch = 10) {
  const session = new StrictSession();
  const acks = new Acks(session, prefetch);
  for (let tag = 1; tag <= count; tag++) {
    session.open.add(tag);
    acks.delivered(tag);
  }
  return { acks, session };
}

test("all that is done in one turn is one ack, at its end", async () => {
  const { acks, session } = deliveries(5);
  for (const tag of [2, 1, 3, 5, 4]) acks.done(tag);
  expect(session.acks).toEqual([]);
  await turn();
  expect(session.acks).toEqual([[5, true]]);
});

test("ten thousand deliveries that are done at once are one ack", async () => {
  const { acks, session } = deliveries(10_000, 2000);
  for (let tag = 10_000; tag >= 1; tag--) acks.done(tag);
  await turn();
  expect(session.acks.length).toBe(1);
});

test("at the end all that is done is acknowledged, gap or not", () => {
  const { acks, session } = deliveries(6);
  for (const tag of [1, 2, 4, 6]) acks.done(tag);
  acks.finish();
  acks.finish();
  expect(session.acks).toEqual([
    [2, true],
    [4, false],
    [6, false],
  ]);
});

test("stops before the first that is not done", async () => {
  const { acks, session } = deliveries(5);
  for (const tag of [1, 2, 4]) acks.done(tag);
  await turn();
  expect(session.acks).toEqual([[2, true]]);
  acks.done(3);
  await turn();
  expect(session.acks).toEqual([
    [2, true],
    [4, true],
  ]);
});

test("flush acknowledges at once, and not a second time at the end of the turn", async () => {
  const { acks, session } = deliveries(2);
  acks.done(1);
  acks.flush();
  expect(session.acks).toEqual([[1, true]]);
  await turn();
  expect(session.acks).toEqual([[1, true]]);
});

test("done twice counts once", async () => {
  const { acks, session } = deliveries(2);
  acks.done(1);
  acks.done(1);
  await turn();
  acks.done(1);
  await turn();
  expect(session.acks).toEqual([[1, true]]);
});

test("a delivery out of its turn is a bug that is heard of", () => {
  const { acks } = deliveries(2);
  expect(() => acks.delivered(4)).toThrow("delivery tag 4 where 3 was due");
});

describe("behind one that is stuck", () => {
  test("half of the prefetch may wait, then they are acknowledged one by one", async () => {
    const { acks, session } = deliveries(10);
    for (const tag of [2, 3, 4, 5]) acks.done(tag);
    await turn();
    expect(session.acks).toEqual([]);
    acks.done(6);
    await turn();
    expect(session.acks).toEqual([2, 3, 4, 5, 6].map((tag) => [tag, false]));
    expect([...session.open]).toEqual([1, 7, 8, 9, 10]);
  });

  test("those that were acknowledged are not again when it is done at last", async () => {
    const { acks, session } = deliveries(7);
    for (const tag of [2, 3, 4, 5, 6]) acks.done(tag);
    await turn();
    session.acks.length = 0;
    acks.done(1);
    await turn();
    expect(session.acks).toEqual([[1, true]]);
    acks.done(7);
    await turn();
    expect(session.acks).toEqual([
      [1, true],
      [7, true],
    ]);
  });

  test("those that are done are acknowledged in a moment when nothing more comes before that", () => {
    jest.useFakeTimers();
    const { acks, session } = deliveries(9);
    acks.done(3);
    acks.flush();
    jest.advanceTimersByTime(1000);
    expect(session.acks).toEqual([]);
    // With the last one that was granted the broker has no more to give.
    session.open.add(10);
    acks.delivered(10);
    jest.advanceTimersByTime(20);
    expect(session.acks).toEqual([[3, false]]);
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  test("with a prefetch of one nothing waits for nothing", async () => {
    const { acks, session } = deliveries(1, 1);
    acks.done(1);
    await turn();
    expect(session.open.size).toBe(0);
  });
});

test("nothing is acknowledged before it is done or twice, a stuck one starves nobody, and at last all is", async () => {
  const scenario = fc.asyncProperty(
    fc.integer({ min: 1, max: 12 }),
    fc.array(fc.record({ do: fc.constantFrom("deliver", "done", "done", "turn", "flush"), at: fc.nat(30) }), {
      maxLength: 120,
      size: "max",
    }),
    async (prefetch, steps) => {
      const undone = new Set<number>();
      const session = new StrictSession((tag) => !undone.has(tag));
      const acks = new Acks(session, prefetch);
      let last = 0;
      const finish = (tag: number) => {
        undone.delete(tag);
        acks.done(tag);
      };
      for (const { do: what, at } of steps) {
        if (what === "deliver" && session.open.size < prefetch) {
          session.open.add(++last);
          undone.add(last);
          acks.delivered(last);
        } else if (what === "done" && undone.size > 0) {
          finish([...undone][at % undone.size]!);
        } else if (what === "turn") {
          await turn();
        } else if (what === "flush") {
          acks.flush();
        }
        if (what === "turn" || what === "flush") {
          const doneAndOpen = session.open.size - undone.size;
          expect(doneAndOpen).toBeLessThan(Math.max(1, prefetch / 2));
        }
      }
      for (const tag of [...undone].reverse()) finish(tag);
      acks.flush();
      expect(session.open.size).toBe(0);
    },
  );
  await fc.assert(scenario, rounds(300));
});
