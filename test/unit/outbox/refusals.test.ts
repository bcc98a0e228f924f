import { afterEach, beforeEach, describe, expect, jest, test } from "bun:test";
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

describe("a refusal", () => {
  test("is sent again after a wait, with the same id, alone, and nothing overtakes it", async () => {
    const { outbox, link } = connected();
    appendAll(outbox, ["one"]);
    await turn();
    outbox.refused(1, false);
    appendAll(outbox, ["two", "three"]);
    await turn();
    expect(link.bodies).toEqual(["one"]);
    jest.advanceTimersByTime(afterRefusalMs);
    await turn();
    expect(link.bodies).toEqual(["one", "one"]);
    expect(link.ids[1]).toBe(link.ids[0]!);
    outbox.confirmed(2, false);
    await turn();
    expect(link.bodies.slice(2)).toEqual(["two", "three"]);
    outbox.confirmed(4, true);
    expect(outbox.level.bytes).toBe(0);
  });

  test("waits until all that was on the wire with it is settled", async () => {
    const { outbox, link } = connected();
    appendAll(outbox, numbered(4));
    await turn();
    outbox.refused(1, false);
    jest.advanceTimersByTime(afterRefusalMs);
    outbox.confirmed(2, false);
    outbox.confirmed(3, false);
    await turn();
    expect(link.sends.length).toBe(1);
    outbox.confirmed(4, false);
    await turn();
    expect(link.bodies.slice(4)).toEqual(["0"]);
  });

  test("of many sends them again in order, however they were refused, once the first is confirmed", async () => {
    const { outbox, link } = connected();
    appendAll(outbox, numbered(5));
    await turn();
    outbox.refused(4, false);
    outbox.refused(2, true);
    outbox.confirmed(5, true);
    jest.advanceTimersByTime(afterRefusalMs);
    expect(link.bodies.slice(5)).toEqual(["0"]);
    outbox.confirmed(6, false);
    await turn();
    expect(link.bodies.slice(6)).toEqual(["1", "3"]);
  });

  test("that is repeated is sent again after at least a short wait, and the third time the link is given up", async () => {
    const { outbox, link } = connected();
    appendAll(outbox, ["one"]);
    await turn();
    for (let tag = 1; tag <= 2; tag++) {
      outbox.refused(tag, false);
      jest.advanceTimersByTime(4);
      await turn();
      expect(link.sends.length).toBe(tag);
      jest.advanceTimersByTime(afterRefusalMs);
      expect(link.sends.length).toBe(tag + 1);
    }
    expect(link.givenUp).toEqual([]);
    outbox.refused(3, false);
    expect(link.givenUp).toEqual(["RabbitMQ refused a message 3 times"]);
    jest.advanceTimersByTime(afterRefusalMs);
    appendAll(outbox, ["two"]);
    await turn();
    expect(link.sends.length).toBe(3);
    // The next link has three tries of its own.
    outbox.closed();
    const next = new RecordingLink();
    outbox.opened(next);
    outbox.refused(1, false);
    expect(next.givenUp).toEqual([]);
  });

  test("of a lost link does not delay what the next one is sent", async () => {
    const { outbox } = connected();
    appendAll(outbox, ["one", "two"]);
    await turn();
    outbox.refused(1, false);
    outbox.closed();
    const next = new RecordingLink();
    outbox.opened(next);
    expect(next.bodies).toEqual(["one", "two"]);
  });

  test("leaves no timer behind when the outbox is closed", async () => {
    const { outbox } = connected();
    appendAll(outbox, ["one"]);
    await turn();
    outbox.refused(1, false);
    outbox.close();
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe("a broker that confirms nothing", () => {
  test("is sent nothing more after a second, and goes on with its next confirm", async () => {
    const { outbox, link } = connected();
    appendAll(outbox, ["one"]);
    await turn();
    jest.advanceTimersByTime(900);
    appendAll(outbox, ["two"]);
    await turn();
    expect(link.bodies).toEqual(["one", "two"]);
    jest.advanceTimersByTime(200);
    appendAll(outbox, ["three"]);
    await turn();
    expect(link.bodies).toEqual(["one", "two"]);
    outbox.confirmed(1, false);
    await turn();
    expect(link.bodies).toEqual(["one", "two", "three"]);
  });

  test("is not blamed for the time in which there was nothing to confirm", async () => {
    const { outbox, link } = connected();
    appendAll(outbox, ["one"]);
    await turn();
    outbox.confirmed(1, false);
    jest.advanceTimersByTime(60_000);
    appendAll(outbox, ["two"]);
    await turn();
    appendAll(outbox, ["three"]);
    await turn();
    expect(link.bodies).toEqual(["one", "two", "three"]);
  });

  test("gets only what it was sent a second time when the link is lost", async () => {
    const { outbox } = connected();
    for (let second = 0; second < 30; second++) {
      appendAll(outbox, numbered(10));
      await turn();
      jest.advanceTimersByTime(1000);
    }
    const { unconfirmed } = outbox;
    outbox.closed();
    outbox.opened(new RecordingLink());
    for (let tag = 50; outbox.account.confirmedCount < 300; tag += 50) {
      outbox.confirmed(tag, true);
      await turn();
    }
    expect(unconfirmed).toBe(20);
    expect(outbox.repeatedCount).toBe(20);
  });
});
