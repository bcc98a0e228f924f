import { afterEach, beforeEach, describe, expect, jest, test } from "bun:test";
import { open } from "../../../src/envelope/envelope.ts";
import { packedContentType } from "../../../src/envelope/packing.ts";
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
