import { afterEach, beforeEach, describe, expect, jest, spyOn, test } from "bun:test";
import { open } from "../../../src/envelope/envelope.ts";
import { packedContentType } from "../../../src/envelope/packing.ts";
import type { OutboxLimits } from "../../../src/outbox/limits.ts";
import { Outbox } from "../../../src/outbox/outbox.ts";
import { RecordingLink } from "../doubles/recording-link.ts";
import { turn } from "../doubles/turn.ts";
import { onConfirmed } from "../doubles/waiter.ts";

/** Longer than any wait after a refusal. */
const afterRefusalMs = 5001;

// Immediates stay real: `turn` waits for them.
beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

function outboxOf(isPacking = false, limits: Partial<OutboxLimits> = {}) {
  return new Outbox("app", isPacking, limits);
}

/** An outbox with an open link. */
function connected(isPacking = false, limits: Partial<OutboxLimits> = {}) {
  const outbox = outboxOf(isPacking, limits);
  const link = new RecordingLink();
  outbox.opened(link);
  return { outbox, link };
}

function appendAll(outbox: Outbox, bodies: readonly string[]): void {
  for (const body of bodies) outbox.append({ body, topic: "" });
}

const numbered = (count: number, size = 1) =>
  Array.from({ length: count }, (_, index) => String(index).padStart(size, "."));

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

  /** Has taken more than three thousand messages a second. */
  async function busy(link: RecordingLink): Promise<Outbox> {
    const outbox = outboxOf();
    outbox.opened(link);
    for (let count = 0; count < 100; count++) {
      appendAll(outbox, ["before"]);
      await turn();
      nowMs += 0.3;
      outbox.confirmed(count + 1, false);
    }
    nowMs += 40;
    appendAll(outbox, numbered(200));
    await turn();
    link.sends.length = 0;
    return outbox;
  }

  test("they gather, for 3 ms", async () => {
    const link = new RecordingLink();
    const outbox = await busy(link);
    appendAll(outbox, ["one"]);
    await turn();
    appendAll(outbox, ["two"]);
    await turn();
    expect(link.sends).toEqual([]);
    jest.advanceTimersByTime(3);
    expect(link.sends.length).toBe(1);
    expect(link.bodies).toEqual(["one", "two"]);
    // The next one waits for company of its own.
    appendAll(outbox, ["three"]);
    await turn();
    expect(link.sends.length).toBe(1);
    jest.advanceTimersByTime(3);
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
    jest.advanceTimersByTime(3);
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

describe("a confirm", () => {
  test("reaches whoever waits for it once, and not before", async () => {
    const { outbox } = connected();
    const confirmed: string[] = [];
    for (const body of ["one", "two"])
      outbox.append(
        { body, topic: "" },
        onConfirmed(() => confirmed.push(body)),
      );
    await turn();
    expect(confirmed).toEqual([]);
    outbox.confirmed(2, false);
    expect(confirmed).toEqual(["two"]);
    outbox.confirmed(2, false);
    outbox.confirmed(2, true);
    outbox.confirmed(2, true);
    expect(confirmed).toEqual(["two", "one"]);
    expect(outbox.account.confirmedCount).toBe(2);
  });

  test("of a tag that was never sent changes nothing", async () => {
    const { outbox } = connected();
    appendAll(outbox, ["one"]);
    await turn();
    outbox.confirmed(7, false);
    outbox.refused(7, false);
    expect(outbox.unconfirmed).toBe(1);
    expect(outbox.isEmpty).toBe(false);
  });

  test("that comes late for a lost link changes nothing", async () => {
    const { outbox } = connected();
    let confirms = 0;
    outbox.append(
      { body: "one", topic: "" },
      onConfirmed(() => confirms++),
    );
    await turn();
    outbox.closed();
    outbox.confirmed(1, true);
    expect(confirms).toBe(0);
    expect(outbox.isEmpty).toBe(false);
  });

  test("may append the next message from within", async () => {
    const { outbox, link } = connected();
    outbox.append(
      { body: "question", topic: "" },
      onConfirmed(() => outbox.append({ body: "answer", topic: "" })),
    );
    await turn();
    outbox.confirmed(1, false);
    expect(outbox.isEmpty).toBe(false);
    await turn();
    expect(link.bodies).toEqual(["question", "answer"]);
  });

  test("of a packed envelope confirms all its messages", async () => {
    const { outbox } = connected(true);
    const confirmed: string[] = [];
    for (const body of ["one", "two", "three"])
      outbox.append(
        { body, topic: "" },
        onConfirmed(() => confirmed.push(body)),
      );
    await turn();
    outbox.confirmed(1, false);
    expect(confirmed).toEqual(["one", "two", "three"]);
    expect(outbox.account.confirmedCount).toBe(3);
    expect(outbox.level.bytes).toBe(0);
  });
});

describe("after a lost link", () => {
  test("all that is unconfirmed goes again, in order, with the same ids, before what waits", async () => {
    const { outbox, link } = connected(false, { windowMax: 4 });
    appendAll(outbox, numbered(6));
    await turn();
    outbox.confirmed(2, false);
    outbox.closed();
    const next = new RecordingLink();
    outbox.opened(next);
    expect(next.bodies).toEqual(["0", "2", "3", "4"]);
    expect(next.ids.slice(0, 3)).toEqual([link.ids[0], link.ids[2], link.ids[3]]);
    expect(outbox.repeatedCount).toBe(3);
    outbox.confirmed(4, true);
    await turn();
    expect(next.bodies.slice(4)).toEqual(["5"]);
    outbox.confirmed(5, true);
    expect(outbox.level.bytes).toBe(0);
  });

  test("nothing is sent until the next one opens", async () => {
    const { outbox, link } = connected(true);
    appendAll(outbox, ["before"]);
    outbox.closed();
    appendAll(outbox, ["while away"]);
    await turn();
    jest.advanceTimersByTime(afterRefusalMs);
    expect(link.sends).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });

  test("a packed envelope goes again as it was, though more could be packed by now", async () => {
    const { outbox, link } = connected(true);
    appendAll(outbox, ["one", "two"]);
    await turn();
    outbox.closed();
    appendAll(outbox, ["three"]);
    const next = new RecordingLink();
    outbox.opened(next);
    expect(next.envelopes[0]).toEqual(link.envelopes[0]!);
    expect(next.bodies).toEqual(["one", "two", "three"]);
  });

  test("a refused one takes its old place among those that go again", async () => {
    const { outbox, link } = connected();
    appendAll(outbox, ["one", "two", "three"]);
    await turn();
    outbox.refused(3, false);
    outbox.refused(1, false);
    outbox.closed();
    const next = new RecordingLink();
    outbox.opened(next);
    jest.advanceTimersByTime(afterRefusalMs);
    expect(next.bodies).toEqual(["one", "two", "three"]);
    expect(next.ids).toEqual(link.ids);
  });

  test("many times over, each message is still confirmed once", async () => {
    const outbox = outboxOf();
    let confirms = 0;
    outbox.append(
      { body: "one", topic: "" },
      onConfirmed(() => confirms++),
    );
    for (let attempt = 0; attempt < 20; attempt++) {
      outbox.opened(new RecordingLink());
      await turn();
      outbox.closed();
    }
    outbox.opened(new RecordingLink());
    outbox.confirmed(1, false);
    expect(confirms).toBe(1);
    expect(outbox.repeatedCount).toBe(20);
  });
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

describe("its cap", () => {
  function full() {
    const { outbox, link } = connected(false, { bytesMax: 10_000 });
    let relieved = 0;
    outbox.level.onRelieved = () => {
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
    outbox.level.onRelieved = relieved;
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

describe("packing", () => {
  const types = (link: RecordingLink) => link.envelopes.map(({ contentType }) => contentType);

  test("sends one that is alone in a pack, too", async () => {
    const { outbox, link } = connected(true);
    outbox.append({ body: "alone", topic: "a", clientId: "c" });
    await turn();
    expect(types(link)).toEqual([packedContentType]);
    expect(open(link.envelopes[0]!, "?")).toMatchObject([
      { body: "alone", topic: "a", clientId: "c", id: "app-1" },
    ]);
  });

  test("sends everything plain over a link that has no cost for each envelope", async () => {
    const outbox = outboxOf(true);
    const link = new RecordingLink(false);
    outbox.opened(link);
    appendAll(outbox, ["one", "two"]);
    await turn();
    expect(types(link)).toEqual(["text/plain", "text/plain"]);
  });

  test("puts messages of one second into an envelope, which has one time for all that name none", async () => {
    const { outbox, link } = connected(true);
    const of = (body: string, timestamp: number, headers?: Record<string, string>) =>
      outbox.append({ body, topic: "", timestamp, headers });
    of("its own", 5, { timestamp: "5" });
    of("at 7", 7);
    of("its own, later", 9, { timestamp: "9" });
    of("at 7, too", 7);
    of("at 8", 8);
    await turn();
    const messages = link.envelopes.flatMap((envelope) => open(envelope, "?"));
    expect(link.envelopes.length).toBe(2);
    expect(messages.map(({ timestamp }) => timestamp)).toEqual([5, 7, 9, 7, 8]);
  });

  test("sends what is appended in one turn as one envelope, in order, across topics and clients", async () => {
    const { outbox, link } = connected(true);
    outbox.append({ body: "one", topic: "a", clientId: "c" });
    outbox.append({ body: new Uint8Array([2]), topic: "b" });
    outbox.append({ body: "three", topic: "" });
    await turn();
    expect(types(link)).toEqual([packedContentType]);
    expect(link.envelopes[0]).toMatchObject({ routingKey: "", clientId: undefined, appId: "app" });
    expect(link.bodies).toEqual(["one", Buffer.from([2]), "three"]);
  });

  test("puts no more messages into an envelope than its cap", async () => {
    const { outbox, link } = connected(true, { packCountMax: 3 });
    appendAll(outbox, numbered(7));
    await turn();
    expect(types(link)).toEqual([packedContentType, packedContentType, packedContentType]);
    expect(link.bodies).toEqual(numbered(7));
  });

  test("puts a message of long headers into a pack of its own, since RabbitMQ's queues count bodies alone", async () => {
    const { outbox, link } = connected(true);
    const headers = Object.fromEntries(
      Array.from({ length: 8 }, (_, index) => [`long-${index}`, "x".repeat(8100)]),
    );
    appendAll(outbox, ["before"]);
    outbox.append({ body: "long", topic: "", headers });
    appendAll(outbox, ["after"]);
    await turn();
    expect(link.envelopes.map(({ contentType }) => contentType)).toEqual(Array(3).fill(packedContentType));
    expect(link.envelopes.map((envelope) => open(envelope, "?").length)).toEqual([1, 1, 1]);
    expect(open(link.envelopes[1]!, "?")).toMatchObject([{ body: "long", headers }]);
    expect(link.envelopes[1]!.body.byteLength).toBeGreaterThan(64_800);
  });

  test("puts no more bytes into an envelope than its cap, and a large message is sent plain", async () => {
    const { outbox, link } = connected(true, { packBytesMax: 3000 });
    appendAll(outbox, ["a".repeat(500), "b".repeat(500), "c".repeat(4000), "d", "e"]);
    await turn();
    expect(types(link)).toEqual([packedContentType, "text/plain", packedContentType]);
    expect(link.bodies.map((body) => String(body)[0])).toEqual(["a", "b", "c", "d", "e"]);
  });

  test("does not wait while nothing is unconfirmed", async () => {
    const { outbox, link } = connected(true);
    appendAll(outbox, ["one"]);
    await turn();
    expect(link.bodies).toEqual(["one"]);
    expect(jest.getTimerCount()).toBe(0);
  });

  test("does not wait while something is unconfirmed either, where messages are few", async () => {
    const { outbox, link } = connected(true);
    appendAll(outbox, ["one"]);
    await turn();
    appendAll(outbox, ["two"]);
    await turn();
    expect(link.bodies).toEqual(["one", "two"]);
    expect(jest.getTimerCount()).toBe(0);
  });

  test("keeps its own, smaller window", async () => {
    const { outbox, link } = connected(true, { packCountMax: 2, packedWindowMax: 2 });
    appendAll(outbox, numbered(7));
    await turn();
    expect(outbox.unconfirmed).toBe(2);
    expect(link.bodies).toEqual(numbered(4));
  });
});
