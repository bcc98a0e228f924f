import { type ConfirmChannel, connect } from "amqplib";
import { channelNumber, innards } from "../../src/broker/rabbitmq/frames/innards.ts";
import { within } from "./wait.ts";

/** A message in raw bytes, since amqplib would not write most of these. */
export interface ForeignMessage {
  readonly routingKey?: Uint8Array | string;
  /** The table of headers, as `table` makes it. */
  readonly headers?: Buffer;
  readonly contentType?: string;
  readonly messageId?: string;
  readonly timestamp?: bigint;
  readonly appId?: string;
  readonly body?: Uint8Array | string;
}

/** A program that publishes anything that RabbitMQ accepts. */
export class ForeignProgram implements AsyncDisposable {
  readonly #connection: Awaited<ReturnType<typeof connect>>;
  readonly #channel: ConfirmChannel;

  private constructor(connection: Awaited<ReturnType<typeof connect>>, channel: ConfirmChannel) {
    this.#connection = connection;
    this.#channel = channel;
  }

  static async connect(url: string): Promise<ForeignProgram> {
    const connection = await connect(url);
    const channel = await connection.createConfirmChannel();
    // `publish` tells it.
    for (const each of [connection, channel]) each.on("error", () => undefined);
    return new ForeignProgram(connection, channel);
  }

  /** Resolves when RabbitMQ has confirmed it. Throws if RabbitMQ does not take it. */
  async publish(exchange: string, message: ForeignMessage): Promise<void> {
    const confirmed = Promise.withResolvers<void>();
    const ack = () => confirmed.resolve();
    const refuse = () => confirmed.reject(new Error("RabbitMQ closed the channel"));
    this.#channel.once("ack", ack).once("close", refuse);
    const { stream, frameMax } = innards(this.#connection);
    stream.write(publishBytes(channelNumber(this.#channel), frameMax, exchange, message));
    try {
      await within(confirmed.promise, "RabbitMQ's confirm", 30_000);
    } finally {
      this.#channel.off("ack", ack).off("close", refuse);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close();
  }
}

/** A field of a table: its type's letter and its bytes (AMQP 0-9-1, section 4.2.5, as RabbitMQ's errata have it). */
export function field(name: Uint8Array | string, type: string, value: Uint8Array | string = ""): Buffer {
  return Buffer.concat([shortText(name), Buffer.from(type), Buffer.from(value as string)]);
}

export function table(...fields: readonly Buffer[]): Buffer {
  return longText(Buffer.concat(fields));
}

export function longText(value: Uint8Array | string): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([u32(bytes.byteLength), bytes]);
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

function u16(value: number): Buffer {
  return u32(value).subarray(2);
}

function shortText(value: Uint8Array | string): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([Buffer.from([bytes.byteLength]), bytes]);
}

const frameOverhead = 8;

function publishBytes(channel: number, frameMax: number, exchange: string, message: ForeignMessage): Buffer {
  const frame = (type: number, payload: Buffer) =>
    Buffer.concat([Buffer.from([type]), u16(channel), u32(payload.byteLength), payload, Buffer.from([0xce])]);
  const body = Buffer.from((message.body ?? "") as string);
  const { contentType, headers, messageId, timestamp, appId } = message;
  // In the order of their flags, the highest first (section 4.2.6).
  const properties: [flag: number, bytes: Buffer | undefined][] = [
    [15, contentType === undefined ? undefined : shortText(contentType)],
    [13, headers],
    [7, messageId === undefined ? undefined : shortText(messageId)],
    [6, timestamp === undefined ? undefined : u64(timestamp)],
    [3, appId === undefined ? undefined : shortText(appId)],
  ];
  const present = properties.flatMap(([flag, bytes]) => (bytes === undefined ? [] : [{ flag, bytes }]));
  const flags = present.reduce((sum, { flag }) => sum | (1 << flag), 0);
  const frames = [
    frame(
      1,
      Buffer.concat([
        u16(60),
        u16(40),
        u16(0),
        shortText(exchange),
        shortText(message.routingKey ?? ""),
        Buffer.from([0]),
      ]),
    ),
    frame(
      2,
      Buffer.concat([
        u16(60),
        u16(0),
        u64(BigInt(body.byteLength)),
        u16(flags),
        ...present.map(({ bytes }) => bytes),
      ]),
    ),
  ];
  const bodyMax = frameMax - frameOverhead;
  for (let at = 0; at < body.byteLength; at += bodyMax)
    frames.push(frame(3, body.subarray(at, at + bodyMax)));
  return Buffer.concat(frames);
}
