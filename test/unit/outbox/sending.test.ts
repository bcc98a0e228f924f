import { afterEach, beforeEach, describe, expect, jest, spyOn, test } from "bun:test";
import type { Outbox } from "../../../src/outbox/outbox.ts";
import { RecordingLink } from "../doubles/recording-link.ts";
import { turn } from "../doubles/turn.ts";
import { appendAll, connected, numbered, outboxOf } from "./connected.ts";

// Immediates stay real: `turn` waits for them.
beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

describe("sending", () => {
  test("waits for the end of the turn, and sends what was appended in it at once", async () => {
    const { outbox, link } = connected();
    appendAll(outbox, ["one", "two", "three"]);
    expect(link.sends).toEqual([]);
    await turn();
    expect(link.sends.length).toBe(1);
    expect(link.bodies).toEqual(["one", "two", "three"]);
  });

  test("of later turns does not wait for the confirms of earlier ones", async () => {
    const { outbox, link } = connected();
    for (const body of ["one", "two", "three"]) {
      appendAll(outbox, [body]);
      await turn();
    }
    expect(link.sends.map((envelopes) => envelopes.length)).toEqual([1, 1, 1]);
    expect(link.bodies).toEqual(["one", "two", "three"]);
  });

  test("gives each message its topic, its client, its headers, and an id of its own", async () => {
    const { outbox, link } = connected();
    outbox.append({ body: "x", topic: "a.b", clientId: "c", headers: { key: "value" } });
    outbox.append({ body: new Uint8Array([255]), topic: "" });
    await turn();
    const [text, bytes] = link.envelopes;
    expect(text).toMatchObject({
      routingKey: "a.b",
      clientId: "c",
      headers: { key: "value" },
      contentType: "text/plain",
      appId: "app",
      timestamp: Math.floor(Date.now() / 1000),
    });
    expect(bytes!.contentType).toBe("application/octet-stream");
    expect(new Set(link.ids).size).toBe(2);
  });

  test("begins when the link opens, with what was appended before", () => {
    const outbox = outboxOf();
    appendAll(outbox, ["early", "too"]);
    const link = new RecordingLink();
    outbox.opened(link);
    expect(link.bodies).toEqual(["early", "too"]);
  });

  test("stops at the window, and goes on as confirms make room", async () => {
    const { outbox, link } = connected(false, { windowMax: 3 });
    appendAll(outbox, numbered(8));
    await turn();
    expect(link.bodies).toEqual(["0", "1", "2"]);
    expect(outbox.unconfirmed).toBe(3);
    outbox.confirmed(2, false);
    await turn();
    expect(link.bodies).toEqual(["0", "1", "2", "3"]);
    outbox.confirmed(4, true);
    await turn();
    expect(link.bodies).toEqual(["0", "1", "2", "3", "4", "5", "6"]);
    expect(outbox.unconfirmed).toBe(3);
  });

  test("writes no more at a time than its cap, and the rest in the turns that follow", async () => {
    const { outbox, link } = connected(false, { flushBytesMax: 1000 });
    appendAll(outbox, numbered(10, 400));
    await turn();
    await turn();
    await turn();
    await turn();
    expect(link.sends.map((envelopes) => envelopes.length)).toEqual([3, 3, 3, 1]);
    expect(link.bodies).toEqual(numbered(10, 400));
  });

  test("sends a message larger than every cap", async () => {
    const { outbox, link } = connected(true, { flushBytesMax: 10, packBytesMax: 10, bytesMax: 10 });
    outbox.append({ body: "x".repeat(5000), topic: "" });
    await turn();
    expect(link.bodies).toEqual(["x".repeat(5000)]);
    outbox.confirmed(1, false);
    expect(outbox.isEmpty).toBe(true);
  });
});

describe("when messages are many", () => {
  /** Fake timers leave the clock alone, so what it says is told here. */
  let nowMs = 1000;
  let clock: ReturnType<typeof spyOn>;
  beforeEach(() => {
    nowMs = 1000;
    clock = spyOn(performance, "now").mockImplementation(() => nowMs);
  });
  afterEach(() => clock.mockRestore());

  /** Has taken more than five thousand messages a second. */
  async function busy(link: RecordingLink): Promise<Outbox> {
    const outbox = outboxOf();
    outbox.opened(link);
    for (let count = 0; count < 100; count++) {
      appendAll(outbox, ["before"]);
      await turn();
      nowMs += 0.3;
      outbox.confirmed(count + 1, false);
    }
    nowMs += 25;
    appendAll(outbox, numbered(200));
    await turn();
    link.sends.length = 0;
    return outbox;
  }

  test("they gather, for 6 ms", async () => {
    const link = new RecordingLink();
    const outbox = await busy(link);
    appendAll(outbox, ["one"]);
    await turn();
    appendAll(outbox, ["two"]);
    await turn();
    expect(link.sends).toEqual([]);
    jest.advanceTimersByTime(6);
    expect(link.sends.length).toBe(1);
    expect(link.bodies).toEqual(["one", "two"]);
    // The next one waits for company of its own.
    appendAll(outbox, ["three"]);
    await turn();
    expect(link.sends.length).toBe(1);
    jest.advanceTimersByTime(6);
    expect(link.bodies).toEqual(["one", "two", "three"]);
  });

  test("they wait no longer than until they are a pack's worth", async () => {
    const link = new RecordingLink();
    const outbox = await busy(link);
    appendAll(outbox, numbered(256));
    await turn();
    expect(link.bodies.length).toBe(256);
    expect(jest.getTimerCount()).toBe(0);
  });

  test("none waits where a send costs the broker nothing", async () => {
    const link = new RecordingLink(false);
    const outbox = await busy(link);
    appendAll(outbox, ["one"]);
    await turn();
    expect(link.bodies).toEqual(["one"]);
  });

  test("none waits any more when they have become few", async () => {
    const link = new RecordingLink();
    const outbox = await busy(link);
    nowMs += 1000;
    appendAll(outbox, ["one"]);
    jest.advanceTimersByTime(6);
    await turn();
    appendAll(outbox, ["two"]);
    await turn();
    expect(link.bodies).toEqual(["one", "two"]);
  });

  test("what is sent again does not wait", async () => {
    const outbox = await busy(new RecordingLink());
    outbox.closed();
    const next = new RecordingLink();
    outbox.opened(next);
    expect(next.bodies.length).toBe(200);
  });

  test("a graceful stop does not wait", async () => {
    const link = new RecordingLink();
    const outbox = await busy(link);
    appendAll(outbox, ["last"]);
    const drained = outbox.drain(1000);
    expect(link.bodies).toEqual(["last"]);
    outbox.confirmed(301, true);
    expect(await drained).toBe(true);
    outbox.close();
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe("the work it takes", () => {
  test("for ten thousand messages in one turn is one send for each window full", async () => {
    const { outbox, link } = connected(false, { windowMax: 4096 });
    appendAll(outbox, numbered(10_000));
    await turn();
    expect(link.sends.map((envelopes) => envelopes.length)).toEqual([4096]);
    outbox.confirmed(4096, true);
    await turn();
    outbox.confirmed(8192, true);
    await turn();
    expect(link.sends.map((envelopes) => envelopes.length)).toEqual([4096, 4096, 1808]);
  });

  test("after many confirms in one turn is one send", async () => {
    const { outbox, link } = connected(false, { windowMax: 10 });
    appendAll(outbox, numbered(20));
    await turn();
    for (let tag = 1; tag <= 10; tag++) outbox.confirmed(tag, false);
    await turn();
    expect(link.sends.map((envelopes) => envelopes.length)).toEqual([10, 10]);
  });

  test("for a thousand packed messages is four envelopes in one send", async () => {
    const { outbox, link } = connected(true, { packCountMax: 256 });
    appendAll(outbox, numbered(1000));
    await turn();
    expect(link.sends.map((envelopes) => envelopes.length)).toEqual([4]);
    expect(outbox.account.envelopeCount).toBe(4);
  });

  test("where nothing is to do is nothing: no empty sends, no timers", async () => {
    const { outbox, link } = connected(true);
    outbox.blocked(false);
    outbox.confirmed(1, true);
    await outbox.drain(1000);
    await turn();
    expect(link.sends).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });
});
