import { afterAll, beforeAll, describe, expect, spyOn, test } from "bun:test";
import { createRequire } from "node:module";
import { type Channel, type ChannelModel, type ConsumeMessage, connect } from "amqplib";
import fc from "fast-check";
import { FrameReader } from "../../../src/broker/rabbitmq/frames/frame-reader.ts";
import { abandon, receiving } from "../../../src/broker/rabbitmq/frames/innards.ts";
import { LoopTime } from "../../../src/ops/loop-time.ts";
import { FakeAmqp } from "../../support/fake-amqp.ts";
import { until } from "../../support/wait.ts";
import { rounds } from "../../unit/doubles/rounds.ts";
import { turn } from "../../unit/doubles/turn.ts";

const amqplib = (file: string) =>
  createRequire(import.meta.url)(`../../../node_modules/amqplib/lib/${file}.js`);
const defs = amqplib("defs");
const frames = amqplib("frame");

interface Sent {
  readonly channel: 1 | 2;
  readonly exchange: string;
  readonly routingKey: string;
  readonly deliveryTag: number;
  readonly redelivered: boolean;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly body: Uint8Array;
  /** How large the frames of its body are. */
  readonly bodyMax: number;
  /** A heartbeat comes after it. */
  readonly beats: boolean;
}

const name = fc.string({ maxLength: 20, unit: "binary" });
const value: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: fc.string({ maxLength: 30, unit: "binary" }) },
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.boolean(),
  fc.constant(null),
  fc.double({ noNaN: true, min: -1e10, max: 1e10 }),
  fc.array(fc.boolean(), { maxLength: 3 }),
  fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes)),
  fc.dictionary(name, fc.string({ maxLength: 5 }), { maxKeys: 2 }),
);
const sent: fc.Arbitrary<Sent> = fc.record({
  channel: fc.constantFrom(1, 2),
  exchange: name,
  routingKey: fc.string({ maxLength: 60, unit: "binary" }).filter((text) => Buffer.byteLength(text) < 256),
  deliveryTag: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  redelivered: fc.boolean(),
  properties: fc.record(
    {
      contentType: name,
      contentEncoding: name,
      headers: fc.dictionary(name, value, { maxKeys: 4 }),
      deliveryMode: fc.constantFrom(1, 2),
      priority: fc.integer({ min: 0, max: 255 }),
      correlationId: name,
      replyTo: name,
      expiration: name,
      messageId: name,
      timestamp: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
      type: name,
      userId: name,
      appId: name,
      clusterId: name,
    },
    { requiredKeys: [] },
  ),
  body: fc.uint8Array({ maxLength: 200 }),
  bodyMax: fc.integer({ min: 20, max: 300 }),
  beats: fc.boolean(),
});

const consumerTag = "ctag-é";

function framesOf({ channel, properties, body, bodyMax, beats, ...fields }: Sent): Buffer[] {
  const content = Buffer.from(body);
  const written = [
    defs.encodeMethod(defs.BasicDeliver, channel, { consumerTag, ...fields }),
    defs.encodeProperties(defs.BasicProperties, channel, content.length, properties),
  ];
  for (let at = 0; at < content.length; at += bodyMax)
    written.push(frames.makeBodyFrame(channel, content.subarray(at, at + bodyMax)));
  return beats ? [...written, frames.HEARTBEAT_BUF] : written;
}

/** What amqplib reads of a delivery. */
function readByAmqplib(one: Sent): ConsumeMessage {
  const [method, header] = framesOf(one).map((frame) => frames.decodeFrame(frames.parseFrame(frame, 0)));
  return {
    fields: method.fields,
    properties: header.fields,
    content: Buffer.from(one.body),
  } as ConsumeMessage;
}

let broker: FakeAmqp;
beforeAll(async () => {
  broker = await FakeAmqp.start();
});
afterAll(() => broker[Symbol.asyncDispose]());

/** A connection with two channels that consume, whose bytes a test gives. */
class Fed implements Disposable {
  readonly heard: [channel: number, ConsumeMessage][] = [];
  readonly errors: Error[] = [];
  reader!: FrameReader;
  readonly loop: LoopTime;
  readonly connection: ChannelModel;
  readonly channels: readonly Channel[];

  /** @param now the time in milliseconds: it stands still if nothing else is said */
  static async start(
    onMessage: (message: ConsumeMessage) => void = () => undefined,
    now = () => 0,
  ): Promise<Fed> {
    const connection = await connect(broker.url);
    const channels = [await connection.createChannel(), await connection.createChannel()];
    const fed = new Fed(connection, channels, new LoopTime(now));
    for (const [index, channel] of channels.entries()) {
      channel.on("error", (error: Error) => fed.errors.push(error));
      await channel.consume(
        "q",
        (message) => {
          fed.heard.push([index + 1, message!]);
          onMessage(message!);
        },
        { consumerTag },
      );
    }
    fed.reader = new FrameReader(connection, fed.loop);
    return fed;
  }

  /** One whose consumers take so long for each delivery, in milliseconds. */
  static async startSlow(eachMs = 1): Promise<Fed> {
    let nowMs = 0;
    const fed = await Fed.start(
      () => (nowMs += eachMs),
      () => nowMs,
    );
    fed.spendMs = (ms) => {
      nowMs += ms;
    };
    return fed;
  }

  /** Something else takes time. */
  spendMs: (ms: number) => void = () => undefined;

  private constructor(connection: ChannelModel, channels: readonly Channel[], loop: LoopTime) {
    this.loop = loop;
    this.connection = connection;
    this.channels = channels;
    connection.on("error", (error: Error) => this.errors.push(error));
  }

  /** As if the socket had received it in these pieces. */
  feed(...chunks: readonly Buffer[]): void {
    const { stream } = receiving(this.connection);
    for (const chunk of chunks) stream.push(chunk);
  }

  /** As if the other end had closed the connection. */
  end(): void {
    receiving(this.connection).stream.push(null);
  }

  /** Watches whether the socket is read from. */
  watch(): { readonly isPaused: boolean; readonly pauses: number } {
    const handle = receiving(this.connection).stream._handle!;
    const [pause, resume] = [spyOn(handle, "pause"), spyOn(handle, "resume")];
    return {
      get isPaused() {
        return pause.mock.calls.length > resume.mock.calls.length;
      },
      get pauses() {
        return pause.mock.calls.length;
      },
    };
  }

  [Symbol.dispose](): void {
    (this.connection.connection as unknown as { stream: { destroy(): void } }).stream.destroy();
  }
}

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

describe("reading in amqplib's place", () => {
  test("gives what amqplib would give, however the bytes are cut", async () => {
    using fed = await Fed.start();
    fc.assert(
      fc.property(
        fc.array(sent, { minLength: 1, maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 8 }),
        (all, sizes) => {
          fed.heard.length = 0;
          fed.feed(...cut(Buffer.concat(all.flatMap(framesOf)), sizes));
          expect(fed.errors).toEqual([]);
          expect(fed.heard).toEqual(all.map((one) => [one.channel, readByAmqplib(one)]));
        },
      ),
      rounds(200),
    );
  });

  const simple: Sent = {
    channel: 1,
    exchange: "x",
    routingKey: "k",
    deliveryTag: 1,
    redelivered: false,
    properties: { headers: { a: "b" } },
    body: Buffer.from("hello"),
    bodyMax: 100,
    beats: false,
  };
  const whole = (one: Sent) => Buffer.concat(framesOf(one));

  describe("when it takes long", () => {
    const count = 200;
    const all = Array.from({ length: count }, (_, index) => ({ ...simple, deliveryTag: index + 1 }));
    const bytes = Buffer.concat(all.map(whole));
    const tags = ({ heard }: Fed) => heard.map(([, { fields }]) => fields.deliveryTag);

    test("goes on in the next turns of the event loop, in order, and the socket is not read from until then", async () => {
      using fed = await Fed.startSlow();
      const reading = fed.watch();
      fed.feed(bytes.subarray(0, -10));
      const first = fed.heard.length;
      expect(first).toBeGreaterThan(0);
      expect(first).toBeLessThan(count / 2);
      expect(reading.isPaused).toBe(true);
      // What the socket had read before it was paused.
      fed.feed(bytes.subarray(-10));
      expect(fed.heard.length).toBe(first);
      await until(() => fed.heard.length === count, "all deliveries");
      expect(tags(fed)).toEqual(all.map(({ deliveryTag }) => deliveryTag));
      await until(() => !reading.isPaused, "the socket to be read from");
      expect(reading.pauses).toBe(1);
      fed.feed(whole({ ...simple, deliveryTag: count + 1 }));
      expect(fed.heard.length).toBe(count + 1);
    });

    test("is a smaller part in a turn of the event loop in which much was done before", async () => {
      using fed = await Fed.startSlow(0.1);
      fed.feed(bytes);
      const first = fed.heard.length;
      await until(() => fed.heard.length === count, "all deliveries");
      await turn();
      fed.heard.length = 0;
      // Input has come, and took longer than a turn is to be.
      fed.loop.begin();
      fed.spendMs(20);
      fed.feed(bytes);
      expect(fed.heard.length).toBeGreaterThan(0);
      expect(fed.heard.length).toBeLessThan(first);
      await until(() => fed.heard.length === count, "all deliveries");
    });

    test("gives what amqplib would give, however the bytes are cut and whenever its time is over", async () => {
      let pauses = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(sent, { minLength: 40, maxLength: 60 }),
          fc.array(fc.integer({ min: 1000, max: 20_000 }), { minLength: 1, maxLength: 8 }),
          fc.array(fc.integer({ min: 2, max: 6 }), { minLength: 1, maxLength: 8 }),
          async (deliveries, sizes, steps) => {
            let [nowMs, turn] = [0, 0];
            using fed = await Fed.start(undefined, () => (nowMs += steps[turn++ % steps.length]!));
            const reading = fed.watch();
            fed.feed(...cut(Buffer.concat(deliveries.flatMap(framesOf)), sizes));
            await until(() => fed.heard.length === deliveries.length, "all deliveries");
            pauses += reading.pauses;
            expect(fed.errors).toEqual([]);
            expect(fed.heard).toEqual(deliveries.map((one) => [one.channel, readByAmqplib(one)]));
          },
        ),
        rounds(50),
      );
      expect(pauses).toBeGreaterThan(0);
    });

    test("tells of the socket's end after all that came before it", async () => {
      const fed = await Fed.startSlow();
      fed.feed(bytes);
      fed.end();
      expect(fed.heard.length).toBeLessThan(count);
      await until(() => fed.errors.length > 0, "the end");
      expect(fed.errors.map(({ message }) => message)).toEqual(["Unexpected close"]);
      expect(tags(fed)).toEqual(all.map(({ deliveryTag }) => deliveryTag));
    });

    test("ends the connection, and not the process, where what is done between two reads fails", async () => {
      const fed = await Fed.startSlow();
      fed.reader.coalesceReads({
        channel: 1,
        patienceMs: () => 0,
        pausing: () => undefined,
        hurried: () => {
          throw new Error("the channel is closed");
        },
      });
      fed.feed(bytes);
      expect(fed.errors).toEqual([]);
      await until(() => fed.errors.length > 0, "the connection's end");
      expect(fed.errors.map(({ message }) => message)).toEqual(["the channel is closed"]);
      expect(fed.heard.length).toBe(count);
    });

    test("leaves alone what has come on a connection that is over", async () => {
      const fed = await Fed.startSlow();
      fed.feed(bytes);
      const first = fed.heard.length;
      expect(first).toBeLessThan(count);
      abandon(fed.connection, new Error("given up"));
      const turns = Promise.withResolvers<void>();
      setImmediate(() => setImmediate(turns.resolve));
      await turns.promise;
      expect(fed.heard.length).toBe(first);
      expect(fed.errors.map(({ message }) => message)).toEqual(["given up"]);
    });
  });

  test("a handler's exception closes its channel, as in amqplib, and the other channel goes on", async () => {
    const fault = new Error("no");
    using fed = await Fed.start((message) => {
      if (message.fields.deliveryTag === 1) throw fault;
    });
    fed.feed(Buffer.concat([whole(simple), whole({ ...simple, channel: 2, deliveryTag: 2 })]));
    fed.feed(defs.encodeMethod(defs.ChannelCloseOk, 1, {}));
    expect(fed.errors).toEqual([fault]);
    expect(fed.heard.map(([channel]) => channel)).toEqual([1, 2]);
  });

  test("what comes to a channel that is closing is left to amqplib, which passes over it", async () => {
    using fed = await Fed.start();
    void fed.channels[0]!.close();
    fed.feed(whole(simple), whole({ ...simple, channel: 2 }));
    expect(fed.heard.map(([channel]) => channel)).toEqual([2]);
  });

  test("a frame without its end, and one that is too large, end the connection", async () => {
    for (const spoil of [
      (bytes: Buffer) => bytes.fill(0, bytes.length - 1),
      (bytes: Buffer) => void bytes.writeUInt32BE(2 ** 31, 3),
    ]) {
      using fed = await Fed.start();
      const bytes = whole(simple);
      spoil(bytes);
      fed.feed(bytes, whole({ ...simple, deliveryTag: 2 }));
      expect(fed.errors.map(({ message }) => message)).toEqual([
        expect.stringMatching(/Invalid frame|exceeds maxFrameSize/),
      ]);
      expect(fed.heard).toEqual([]);
    }
  });

  test("what the socket had received and nobody had read comes first", async () => {
    const connection = await connect(broker.url);
    const channel = await connection.createChannel();
    const heard: number[] = [];
    await channel.consume("q", (message) => heard.push(message!.fields.deliveryTag), { consumerTag });
    const { stream } = receiving(connection);
    // Node's streams tell of it in another turn of the loop.
    stream.push(whole(simple));
    new FrameReader(connection);
    stream.push(whole({ ...simple, deliveryTag: 2 }));
    expect(heard).toEqual([1, 2]);
    await connection.close();
  });

  test("the end of a connection is heard, after all that came before it", async () => {
    const connection = await connect(broker.url);
    const channel = await connection.createChannel();
    const heard: string[] = [];
    await channel.consume("q", () => heard.push("delivery"), { consumerTag });
    new FrameReader(connection);
    const closed = Promise.withResolvers<void>();
    connection.on("error", ({ message }: Error) => heard.push(message));
    connection.on("close", () => closed.resolve());
    const peer = broker.peers.at(-1)!;
    peer.sendBytes(whole(simple));
    peer.end();
    await closed.promise;
    expect(heard).toEqual(["delivery", "Unexpected close"]);
  });

  test("as long as anything comes, heartbeats find the peer alive", async () => {
    const connection = await connect(broker.url);
    new FrameReader(connection);
    const inside = receiving(connection);
    inside.recvSinceLastCheck = false;
    inside.stream.push(frames.HEARTBEAT_BUF);
    expect(inside.recvSinceLastCheck).toBe(true);
    await connection.close();
  });
});
