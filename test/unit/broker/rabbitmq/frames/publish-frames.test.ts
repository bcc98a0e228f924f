import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { createRequire } from "node:module";
import fc from "fast-check";
import { publishFrames } from "../../../../../src/broker/rabbitmq/frames/publish-frames.ts";
import type { Envelope } from "../../../../../src/envelope/envelope.ts";
import { integrationTimeoutMs } from "../../../../support/timeout.ts";
import { anyMessage, anyName } from "../../../doubles/arbitraries.ts";
import { envelopeOf } from "../../../doubles/envelope.ts";
import { rounds } from "../../../doubles/rounds.ts";

setDefaultTimeout(integrationTimeoutMs);

interface Frame {
  readonly type: number;
  readonly channel: number;
  readonly rest: Buffer;
}
interface Decoded {
  readonly size?: number;
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly content?: Buffer;
}

/** amqplib's own decoder, which is not exported, as an independent reader of what is written. */
const amqplib = createRequire(import.meta.url)("../../../../../node_modules/amqplib/lib/frame.js") as {
  parseFrame(bytes: Buffer, max: number): Frame | false;
  decodeFrame(frame: Frame): Decoded;
};

function framesIn(bytes: Buffer, frameMax: number): (Frame & Decoded)[] {
  const frames: (Frame & Decoded)[] = [];
  for (let rest = bytes; rest.length > 0; ) {
    const frame = amqplib.parseFrame(rest, frameMax);
    if (frame === false) throw new Error(`${rest.length} bytes that are no frame`);
    frames.push({ ...frame, ...amqplib.decodeFrame(frame) });
    rest = frame.rest;
  }
  return frames;
}

const framing = (exchange: string, channel: number, frameMax: number) => ({
  exchange,
  channel,
  frameMax,
  isMandatory: false,
});

const [method, header, body] = [1, 2, 3];

/** Publishes as a broker reads them. */
function read(bytes: Buffer, frameMax: number) {
  const publishes: {
    exchange: unknown;
    routingKey: unknown;
    properties: object;
    body: Buffer;
    size: number;
  }[] = [];
  for (const { type, fields = {}, content, size } of framesIn(bytes, frameMax)) {
    const last = publishes.at(-1)!;
    if (type === method) {
      const { exchange, routingKey } = fields;
      publishes.push({ exchange, routingKey, properties: {}, body: Buffer.alloc(0), size: -1 });
    } else if (type === header) {
      last.properties = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
      last.size = size!;
    } else {
      last.body = Buffer.concat([last.body, content!]);
    }
  }
  return publishes;
}

/** What amqplib should read of it: absent is absent, the client id is a header, everything is persistent. */
function expected({ body: bytes, routingKey, clientId, headers, ...properties }: Envelope, exchange: string) {
  const own = Object.fromEntries(Object.entries(headers ?? {}).filter(([name]) => name !== "client-id"));
  const table = { ...own, ...(clientId === undefined ? {} : { "client-id": clientId }) };
  return {
    exchange,
    routingKey,
    properties: {
      deliveryMode: 2,
      ...Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined)),
      ...(headers === undefined && clientId === undefined ? {} : { headers: table }),
    },
    body: bytes,
    size: bytes.byteLength,
  };
}

const optional = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });
/** Of many lengths, and no two pieces of it the same. */
const anyBody = fc
  .tuple(fc.nat(3000), fc.nat(255))
  .map(([length, first]) =>
    Buffer.from(Array.from({ length }, (_, index) => first + index * 7 + (index >> 8))),
  );
const anyEnvelope: fc.Arbitrary<Envelope> = fc
  .record({
    message: anyMessage,
    body: anyBody,
    contentType: optional(anyName),
    messageId: optional(anyName),
    appId: optional(anyName),
    timestamp: optional(fc.integer({ min: 0, max: 2 ** 40 })),
  })
  .map(({ message: { topic, clientId, headers }, ...rest }) =>
    envelopeOf({ ...rest, routingKey: topic, clientId, headers }),
  );

test("amqplib reads from the frames what was published, whatever it is", () => {
  fc.assert(
    fc.property(
      fc.array(anyEnvelope, { maxLength: 5 }),
      fc.integer({ min: 600, max: 4096 }),
      (envelopes, max) => {
        const published = read(publishFrames(envelopes, framing("wsmanager", 3, max)), max);
        expect(published).toEqual(envelopes.map((envelope) => expected(envelope, "wsmanager")));
      },
    ),
    rounds(200),
  );
});

test("every frame is on the channel, and none is larger than the connection allows", () => {
  const envelopes = [envelopeOf({ body: Buffer.alloc(10_000, "x") })];
  const frames = framesIn(publishFrames(envelopes, framing("e", 0x0102, 4096)), 4096);
  expect(frames.map(({ type }) => type)).toEqual([method, header, body, body, body].map(Number));
  expect(frames.every(({ channel }) => channel === 0x0102)).toBe(true);
  expect(frames.slice(2).map(({ content }) => content!.byteLength)).toEqual([4088, 4088, 1824]);
});

test.each([
  [0, 2],
  [1, 3],
  [4088, 3],
  [4089, 4],
])("a body of %d bytes is %d frames with a frame limit of 4096", (size, count) => {
  expect(
    framesIn(publishFrames([envelopeOf({ body: Buffer.alloc(size) })], framing("e", 1, 4096)), 4096).length,
  ).toBe(count);
});

test("no envelopes have no frames", () => {
  expect(publishFrames([], framing("e", 1, 4096)).byteLength).toBe(0);
});

test("headers that are named like AMQP's properties are these", () => {
  const properties = {
    "content-encoding": "gzip",
    "correlation-id": "c-7",
    "reply-to": "answers",
    type: "order",
    priority: "255",
    expiration: "60000",
  };
  const own = { mine: "own" };
  // The envelope says these by itself.
  const said = { "content-type": "application/json", "app-id": "shop", timestamp: "5" };
  const envelope = envelopeOf({
    contentType: "application/json",
    appId: "shop",
    timestamp: 5,
    headers: { ...properties, ...own, ...said },
  });
  expect(read(publishFrames([envelope], framing("e", 1, 4096)), 4096)[0]!.properties).toEqual({
    contentType: "application/json",
    contentEncoding: "gzip",
    headers: own,
    deliveryMode: 2,
    priority: 255,
    correlationId: "c-7",
    replyTo: "answers",
    expiration: "60000",
    timestamp: 5,
    type: "order",
    appId: "shop",
  });
});

describe("names and headers", () => {
  test("of 255 bytes fit, in whatever characters", () => {
    const longest = "€".repeat(85);
    const envelope = envelopeOf({
      routingKey: longest,
      clientId: longest,
      headers: { [longest]: "🐇".repeat(500) },
      messageId: longest,
      appId: longest,
    });
    expect(read(publishFrames([envelope], framing(longest, 1, 8192)), 8192)).toEqual([
      expected(envelope, longest),
    ]);
  });

  test.each(["routingKey", "messageId", "appId"] as const)("a %s of 256 bytes is refused", (part) => {
    expect(() => publishFrames([envelopeOf({ [part]: "é".repeat(128) })], framing("e", 1, 4096))).toThrow(
      RangeError,
    );
  });

  test("no header of a client's own stands in for its client id", () => {
    const forged = envelopeOf({ headers: { "client-id": "someone else", a: "b" }, clientId: "me" });
    const anonymous = envelopeOf({ headers: { "client-id": "someone else", a: "b" } });
    const headers = read(publishFrames([forged, anonymous], framing("e", 1, 4096)), 4096).map(
      ({ properties }) => (properties as { headers: unknown }).headers,
    );
    expect(headers).toEqual([{ a: "b", "client-id": "me" }, { a: "b" }]);
  });
});

test("the pack that a message was taken out of is named", () => {
  const sent = envelopeOf({ messageId: "m-2", packId: "m-1" });
  const [got] = read(publishFrames([sent], framing("exchange", 1, 4096)), 4096);
  expect(got!.properties).toMatchObject({ headers: { "warren-pack": "m-1" } });
});

test("what RabbitMQ takes for routing keys is left out: a text there would close the channel", () => {
  const sent = envelopeOf({ headers: { CC: "a", BCC: "b", cc: "c" } });
  const [got] = read(publishFrames([sent], framing("exchange", 1, 4096)), 4096);
  expect(got!.properties).toMatchObject({ headers: { cc: "c" } });
  expect(got!.properties).not.toMatchObject({ headers: { CC: "a" } });
});
