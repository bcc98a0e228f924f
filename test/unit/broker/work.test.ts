import { afterEach, expect, jest, spyOn, test } from "bun:test";
import { publishFrames } from "../../../src/broker/rabbitmq/frames/publish-frames.ts";
import type { Body } from "../../../src/message.ts";
import { Outbox } from "../../../src/outbox/outbox.ts";
import { turn } from "../doubles/turn.ts";

/** Work counted rather than timed: what the way of a message from the hot path to the broker's socket may take. */

afterEach(() => {
  jest.restoreAllMocks();
});

const frameMax = 128 * 1024;
const framing = { exchange: "wsmanager", channel: 1, frameMax, isMandatory: true };

/** An outbox whose link makes frames as the one to RabbitMQ does, and counts its writes. */
function counting(isPacking: boolean) {
  const outbox = new Outbox("app", isPacking);
  const counts = { writes: 0, bytes: 0 };
  outbox.opened({
    isCostly: true,
    headBytesMax: Number.POSITIVE_INFINITY,
    unwritten: 0,
    giveUp: () => undefined,
    send(envelopes) {
      counts.writes++;
      counts.bytes += publishFrames(envelopes, framing).byteLength;
    },
  });
  return { outbox, counts };
}

/** Appends messages in one turn and returns how often buffers were made and copied until they were sent. */
async function workFor(isPacking: boolean, bodies: readonly Body[]) {
  const { outbox, counts } = counting(isPacking);
  // What is made by these is made by nothing else in between: there is one turn, and nothing else runs in it.
  const made = (["from", "alloc", "allocUnsafe", "allocUnsafeSlow", "concat"] as const).map((name) =>
    spyOn(Buffer, name),
  );
  const copies = spyOn(Buffer.prototype, "copy");
  for (const body of bodies) outbox.append({ body, topic: "a.b", clientId: "client" });
  expect(made.flatMap(({ mock }) => mock.calls)).toEqual([]);
  await turn();
  const buffers = made.reduce((sum, { mock }) => sum + mock.calls.length, 0);
  const work = { ...counts, buffers, copies: copies.mock.calls.length };
  jest.restoreAllMocks();
  return work;
}

const count = 1000;
const texts = Array.from({ length: count }, (_, index) => `message ${index}`);
const binaries = texts.map((text) => new TextEncoder().encode(text));

test("to append encodes and copies nothing", async () => {
  // `workFor` looks before the turn ends.
  await workFor(false, texts);
  await workFor(true, binaries);
});

test("a plain text is encoded once and copied once, and all of a turn are one write", async () => {
  const { writes, buffers, copies } = await workFor(false, texts);
  expect(writes).toBe(1);
  // One of each text, one for all frames.
  expect(buffers).toBeLessThanOrEqual(count + 1);
  expect(copies).toBe(count);
});

test("plain bytes are copied once", async () => {
  const { buffers, copies } = await workFor(false, binaries);
  // A view of each, without a copy.
  expect(buffers).toBeLessThanOrEqual(count + 1);
  expect(copies).toBe(count);
});

test("a packed text is written into its envelope, which is copied once: nothing is made of each", async () => {
  const { writes, buffers, copies } = await workFor(true, texts);
  const envelopes = Math.ceil(count / 256);
  expect(writes).toBe(1);
  // The line and the whole of each envelope, and one for all frames.
  expect(buffers).toBeLessThanOrEqual(2 * envelopes + 1);
  expect(copies).toBeLessThanOrEqual(2 * envelopes);
});

test("frames add little to what is in them, and packing takes nearly all of that away", async () => {
  const bodyBytes = texts.reduce((sum, text) => sum + text.length, 0);
  const plain = await workFor(false, texts);
  const packed = await workFor(true, texts);
  expect((plain.bytes - bodyBytes) / count).toBeLessThan(160);
  expect((packed.bytes - bodyBytes) / count).toBeLessThan(30);
});
