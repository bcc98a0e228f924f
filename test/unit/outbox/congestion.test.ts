import { afterEach, beforeEach, describe, expect, jest, test } from "bun:test";
import type { OutboxLimits } from "../../../src/outbox/limits.ts";
import { RecordingLink } from "../doubles/recording-link.ts";
import { turn } from "../doubles/turn.ts";
import { afterRefusalMs, appendAll, connected, numbered } from "./connected.ts";

// Immediates stay real: `turn` waits for them.
beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

describe("while blocked", () => {
  test("nothing is sent; afterwards all of it is, in order", async () => {
    const { outbox, link } = connected();
    outbox.blocked(true);
    appendAll(outbox, ["one", "two"]);
    await turn();
    expect(link.sends).toEqual([]);
    outbox.blocked(false);
    await turn();
    expect(link.bodies).toEqual(["one", "two"]);
  });

  test("a flush that was due already does not happen", async () => {
    const { outbox, link } = connected();
    appendAll(outbox, ["one"]);
    outbox.blocked(true);
    await turn();
    expect(link.sends).toEqual([]);
  });

  test("confirms still count", async () => {
    const { outbox } = connected();
    appendAll(outbox, ["one"]);
    await turn();
    outbox.blocked(true);
    outbox.confirmed(1, false);
    expect(outbox.isEmpty).toBe(true);
  });

  test("a new link is not", () => {
    const { outbox } = connected();
    outbox.blocked(true);
    outbox.closed();
    appendAll(outbox, ["one"]);
    const next = new RecordingLink();
    outbox.opened(next);
    expect(next.bodies).toEqual(["one"]);
  });
});

describe("while its link is congested", () => {
  /** Each send congests it. */
  function congesting(limits: Partial<OutboxLimits> = {}) {
    const { outbox, link } = connected(false, limits);
    const send = link.send.bind(link);
    link.send = (envelopes) => {
      send(envelopes);
      link.isCongested = true;
    };
    const drain = () => {
      link.isCongested = false;
      outbox.drained();
    };
    return { outbox, link, drain };
  }

  test("nothing is sent, and all of it is, in order, when that has gone", async () => {
    const { outbox, link, drain } = congesting();
    appendAll(outbox, ["one"]);
    await turn();
    appendAll(outbox, ["two", "three"]);
    await turn();
    expect(link.bodies).toEqual(["one"]);
    drain();
    await turn();
    expect(link.bodies).toEqual(["one", "two", "three"]);
  });

  test("what was refused waits, too, and goes first", async () => {
    const { outbox, link, drain } = congesting();
    appendAll(outbox, ["one", "two"]);
    await turn();
    outbox.refused(2, true);
    appendAll(outbox, ["three"]);
    jest.advanceTimersByTime(afterRefusalMs);
    await turn();
    expect(link.bodies).toEqual(["one", "two"]);
    for (let tag = 3; tag <= 5; tag++) {
      drain();
      await turn();
      outbox.confirmed(tag, false);
    }
    drain();
    await turn();
    expect(link.bodies).toEqual(["one", "two", "one", "two", "three"]);
  });

  test("one write at a time fills it, whatever waits", async () => {
    const { outbox, link, drain } = congesting({ flushBytesMax: 100 });
    appendAll(outbox, numbered(10, 50));
    for (let turns = 0; turns < 5; turns++) await turn();
    expect(link.sends.map((envelopes) => envelopes.length)).toEqual([2]);
    drain();
    for (let turns = 0; turns < 5; turns++) await turn();
    expect(link.sends.map((envelopes) => envelopes.length)).toEqual([2, 2]);
  });

  test("another link is asked itself", async () => {
    const { outbox } = congesting();
    appendAll(outbox, ["one"]);
    await turn();
    outbox.closed();
    const next = new RecordingLink();
    outbox.opened(next);
    await turn();
    expect(next.bodies).toEqual(["one"]);
  });
});
