import { afterEach, beforeEach, describe, expect, jest, test } from "bun:test";
import { turn } from "../doubles/turn.ts";
import { appendAll, connected, numbered, outboxOf } from "./connected.ts";

// Immediates stay real: `turn` waits for them.
beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

describe("its cap", () => {
  function full() {
    const { outbox, link } = connected(false, { bytesMax: 10_000 });
    let relieved = 0;
    outbox.level.onLowWatermark = () => {
      relieved++;
    };
    let count = 0;
    while (!outbox.isFull) {
      outbox.append({ body: "x".repeat(100), topic: "" });
      count++;
    }
    return { outbox, link, count, relieved: () => relieved };
  }

  test("counts at least the bytes of the bodies", () => {
    const outbox = outboxOf(false, { bytesMax: 1_000_000 });
    outbox.append({ body: "é".repeat(1000), topic: "" });
    outbox.append({ body: new Uint8Array(3000), topic: "" });
    expect(outbox.level.bytes).toBeGreaterThanOrEqual(5000);
  });

  test("counts something for empty messages too, so that they cannot grow without bound", () => {
    const { count } = (() => {
      const outbox = outboxOf(false, { bytesMax: 10_000 });
      let appended = 0;
      while (!outbox.isFull && appended < 1000) {
        outbox.append({ body: "", topic: "" });
        appended++;
      }
      return { count: appended };
    })();
    expect(count).toBeLessThan(100);
  });

  test("when reached makes it full, but what is appended still goes in", async () => {
    const { outbox, link, count } = full();
    outbox.append({ body: "one more", topic: "" });
    await turn();
    expect(link.bodies.length).toBe(count + 1);
  });

  test("relieves once, when half of it is confirmed, not when it is no longer quite full", async () => {
    const { outbox, count, relieved } = full();
    await turn();
    let tag = 0;
    while (outbox.level.bytes > 5000) {
      expect(relieved()).toBe(0);
      outbox.confirmed(++tag, false);
    }
    expect(relieved()).toBe(1);
    outbox.confirmed(count, true);
    expect(relieved()).toBe(1);
  });

  test("relieves again after it was full again", async () => {
    const { outbox, count, relieved } = full();
    await turn();
    outbox.confirmed(count, true);
    let more = 0;
    while (!outbox.isFull) {
      outbox.append({ body: "x".repeat(100), topic: "" });
      more++;
    }
    await turn();
    outbox.confirmed(count + more, true);
    expect(relieved()).toBe(2);
  });

  test("that was never reached relieves nobody", async () => {
    const { outbox } = connected(false, { bytesMax: 10_000 });
    const relieved = jest.fn();
    outbox.level.onLowWatermark = relieved;
    appendAll(outbox, ["one"]);
    await turn();
    outbox.confirmed(1, false);
    expect(relieved).not.toHaveBeenCalled();
  });

  test("still counts what was sent until it is confirmed, over lost links too", async () => {
    const { outbox } = full();
    const before = outbox.level.bytes;
    await turn();
    expect(outbox.level.bytes).toBe(before);
    outbox.closed();
    expect(outbox.level.bytes).toBe(before);
    expect(outbox.isFull).toBe(true);
  });
});

describe("draining", () => {
  test("an empty outbox is done at once", async () => {
    expect(await outboxOf().drain(0)).toBe(true);
  });

  test("sends what waits without waiting for the end of the turn, and is done when all is confirmed", async () => {
    const { outbox, link } = connected(true);
    appendAll(outbox, ["one", "two"]);
    const drained = outbox.drain(60_000);
    expect(link.bodies).toEqual(["one", "two"]);
    outbox.confirmed(1, true);
    expect(await drained).toBe(true);
    expect(jest.getTimerCount()).toBe(0);
  });

  test("waits for what is appended meanwhile", async () => {
    const { outbox } = connected();
    appendAll(outbox, ["one"]);
    const drained = outbox.drain(60_000);
    appendAll(outbox, ["two"]);
    outbox.confirmed(1, true);
    let isDone = false;
    void drained.then(() => {
      isDone = true;
    });
    await turn();
    expect(isDone).toBe(false);
    outbox.confirmed(2, true);
    expect(await drained).toBe(true);
  });

  test("goes through a window smaller than what waits", async () => {
    const { outbox, link } = connected(true, { packedWindowMax: 1, packCountMax: 2 });
    appendAll(outbox, numbered(6));
    const drained = outbox.drain(60_000);
    for (let tag = 1; tag <= 3; tag++) {
      outbox.confirmed(tag, false);
      await turn();
    }
    expect(await drained).toBe(true);
    expect(link.bodies).toEqual(numbered(6));
  });

  test("gives up after its timeout, and says so", async () => {
    const { outbox } = connected();
    appendAll(outbox, ["one"]);
    const drained = outbox.drain(1000);
    jest.advanceTimersByTime(1000);
    expect(await drained).toBe(false);
    expect(outbox.isEmpty).toBe(false);
  });

  test("gives up though there is no link", async () => {
    const outbox = outboxOf();
    appendAll(outbox, ["one"]);
    const drained = outbox.drain(1000);
    jest.advanceTimersByTime(1000);
    expect(await drained).toBe(false);
  });

  test("twice at the same time is done for both", async () => {
    const { outbox } = connected();
    appendAll(outbox, ["one"]);
    const both = [outbox.drain(1000), outbox.drain(1000)];
    outbox.confirmed(1, false);
    expect(await Promise.all(both)).toEqual([true, true]);
  });
});
