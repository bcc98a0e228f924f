import { describe, expect, test } from "bun:test";
import { LogPosition } from "../../../../../src/broker/rabbitmq/reading/log-position.ts";
import type { Envelope } from "../../../../../src/envelope/envelope.ts";

const record = (id: string): Envelope => ({
  body: Buffer.from("text"),
  routingKey: "",
  contentType: "text/plain",
  messageId: id,
  timestamp: 1,
  appId: "manager",
  clientId: undefined,
  headers: undefined,
});

/** A follower that has seen records 0 to 2 and lost its connection. */
function interrupted(): LogPosition {
  const position = new LogPosition();
  position.opened(1000);
  for (const offset of [0, 1, 2]) position.take(offset, record(`m${offset}`));
  position.opened(2000);
  return position;
}

describe("a follower's place in the log", () => {
  test("is at first what comes next", () => {
    const position = new LogPosition();
    expect(position.start).toBe("next");
    position.opened(1000);
    expect(position.isSure).toBe(true);
    expect(position.take(7, record("m7"))).toBe("new");
  });

  test("is the time at which following began, if nothing was seen", () => {
    const position = new LogPosition();
    position.opened(1000);
    position.opened(2000);
    expect(position.start).toEqual({ "!": "timestamp", value: 1000 });
  });

  test("is the last record seen, which the same log shows again", () => {
    const position = interrupted();
    expect(position.start).toBe(2);
    expect(position.isSure).toBe(false);
    expect(position.take(2, record("m2"))).toBe("seen");
    expect(position.isSure).toBe(true);
    expect(position.take(3, record("m3"))).toBe("new");
  });

  test("is not disturbed by the beginning of a chunk before it", () => {
    const position = interrupted();
    expect([0, 1, 2].map((offset) => position.take(offset, record(`m${offset}`)))).toEqual([
      "seen",
      "seen",
      "seen",
    ]);
    expect(position.isSure).toBe(true);
  });

  test("is in another log where the record differs in its text alone, as of programs that give no ids", () => {
    const nameless = (text: string): Envelope => ({
      ...record("m"),
      messageId: undefined,
      appId: undefined,
      timestamp: undefined,
      body: Buffer.from(text),
    });
    const position = new LogPosition();
    position.opened(1000);
    position.take(2, nameless("19"));
    position.opened(2000);
    expect(position.take(2, nameless("47"))).toBe("of another log");
  });

  test("goes on after a gap, if the log has dropped what was seen last", () => {
    const position = interrupted();
    expect(position.last).toBe(2);
    expect(position.take(50, record("m50"))).toBe("new");
    expect([position.isSure, position.start, position.last]).toEqual([true, 50, 50]);
  });

  test("is beyond a log whose last chunk begins before it", () => {
    const position = new LogPosition();
    position.opened(1);
    expect(position.isBeyond(0)).toBe(false);
    position.take(5, record("five"));
    expect([4, 5, 6].map((lastChunk) => position.isBeyond(lastChunk))).toEqual([true, false, false]);
  });

  test("is nowhere in another log, which is read from its beginning", () => {
    const position = interrupted();
    expect(position.take(2, record("another"))).toBe("of another log");
    position.restart();
    expect(position.start).toBe("first");
    position.opened(3000);
    expect(position.isSure).toBe(true);
    expect(position.take(0, record("first of another"))).toBe("new");
  });

  test("remains in doubt while the log is silent", () => {
    const position = interrupted();
    expect(position.isSure).toBe(false);
    expect(position.take(0, record("m0"))).toBe("seen");
    expect(position.isSure).toBe(false);
  });
});
