import type { EventEmitter } from "node:events";
import type { Channel, ChannelModel } from "amqplib";
import { nameOf } from "./method-names.ts";
import type { ReadHandle } from "./read-coalescing.ts";

/**
 * The parts of amqplib that Warren needs although they are not documented: the socket, to write many publishes at once and to drop a peer
 * that does not answer; how frames are made; and which questions are open. The version is pinned, and only this file and
 * `opening-channel.ts` use such parts.
 */
export interface Innards {
  /** The socket. */
  readonly stream: {
    write(bytes: Uint8Array): boolean;
    destroy(): void;
    /** How many written bytes were not handed to the kernel yet. */
    readonly writableLength: number;
    on(event: "drain", heard: () => void): unknown;
    off(event: "drain", heard: () => void): unknown;
  };
  /** The negotiated limit for a frame, in bytes. */
  readonly frameMax: number;
  /** Whether RabbitMQ reads nothing from it, because it is short of memory or disk. */
  readonly blocked: boolean;
  /** The channels by number; null for one that has ended, and the first is the connection's own. */
  readonly channels: readonly ({ readonly channel: { readonly reply?: unknown } } | null)[];
  /** Notices that RabbitMQ has sent nothing for two heartbeats. Null if no heartbeats were agreed on. */
  readonly heartbeater?: EventEmitter | null;
  /** Writes a method frame. */
  sendMethod(channel: number, method: number, fields: Readonly<Record<string, unknown>>): unknown;
  /** Ends the connection as if the socket had failed. */
  onSocketError(error: Error): void;
}

/**
 * The undocumented parts of a connection.
 *
 * @throws TypeError if amqplib has changed
 */
export function innards(connection: ChannelModel): Innards {
  const found = connection.connection as unknown as Partial<Innards>;
  if (found.stream === undefined || found.frameMax === undefined || found.onSocketError === undefined) {
    throw new TypeError(
      "amqplib's internals are not those of version 2.3: see src/broker/rabbitmq/frames/innards.ts",
    );
  }
  return found as Innards;
}

/** The parts of an open connection that reading in place of amqplib needs. */
export interface Receiving {
  /** The socket. */
  readonly stream: {
    read(size?: number): Buffer | null;
    removeAllListeners(event: "readable"): unknown;
    /** The socket calls this with what it has received, and with null at the end. */
    push(chunk: Buffer | null): boolean;
    /** Bun's socket, which the stream keeps to itself. Pausing the stream has no effect when the data is taken directly. */
    readonly _handle?: ReadHandle | null;
  };
  /** What was received but not read. */
  rest: Buffer;
  /** Whether something has come since the last heartbeat was due. */
  recvSinceLastCheck: boolean;
  /** The largest allowed frame, in bytes; 0 for no limit. */
  readonly maxFrameSize: number;
  /** The channels by number; null for one that has ended, and the first is the connection's own. */
  readonly channels: readonly ({ readonly channel: ReceivingChannel } | null)[];
  /** Handles a frame. amqplib replaces this function when the connection is closing. */
  accept(frame: unknown): void;
  /** Reads the first frame of `rest`. */
  recvFrame(): unknown;
  /** Tells amqplib that malformed data was received, which ends the connection. */
  emit(event: "frameError", error: unknown): unknown;
}

/** A channel of amqplib that gets deliveries. When it is closing, it has an `accept` of its own. */
export interface ReceivingChannel {
  /** Passes a message to its consumer. */
  emit(event: "delivery", message: object): unknown;
  /** Closes the channel, with a reason. */
  closeWithError(method: undefined, reason: string, code: number, error: unknown): void;
}

/**
 * From now on, what a socket receives goes to `received` at once. Node's streams would put it into a list, announce it in another turn of
 * the event loop, and ask the socket for more. Together that costs more than reading from the kernel.
 *
 * @param ended called when nothing more comes, with the function that tells amqplib of it
 */
export function receiveFrom(
  stream: Receiving["stream"],
  received: (chunk: Buffer) => void,
  ended: (tell: () => void) => void,
): void {
  stream.removeAllListeners("readable");
  for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) received(chunk);
  const push = stream.push.bind(stream);
  const tellEnd = () => {
    push(null);
    // A stream tells of its end to those who read.
    stream.read(0);
  };
  stream.push = (chunk) => {
    if (chunk === null) ended(tellEnd);
    else received(chunk);
    return chunk !== null;
  };
}

/** The parts of a connection for reading. @throws TypeError if amqplib has changed */
export function receiving(connection: ChannelModel): Receiving {
  const found = connection.connection as unknown as Partial<Receiving>;
  if (
    !Buffer.isBuffer(found.rest) ||
    found.accept === undefined ||
    found.recvFrame === undefined ||
    found.stream?.push === undefined
  ) {
    throw new TypeError(
      "amqplib's internals are not those of version 2.3: see src/broker/rabbitmq/frames/innards.ts",
    );
  }
  return found as Receiving;
}

/**
 * Drops a connection whose peer does not answer. If a stream is destroyed without an error, amqplib is told nothing, and a caller that
 * waits for an answer on one of its channels would wait forever. Here all of them learn of the end.
 */
export function abandon(connection: ChannelModel, why: Error): void {
  const inside = innards(connection);
  // Nobody may be listening, if the connection was opened too late.
  connection.on("error", () => undefined);
  inside.onSocketError(why);
  inside.stream.destroy();
}

/** Calls back when RabbitMQ has sent nothing for two heartbeats, and after each further one. amqplib would end the socket. */
export function onSilence(connection: ChannelModel, silent: () => void): void {
  const { heartbeater } = innards(connection);
  heartbeater?.removeAllListeners("timeout");
  heartbeater?.on("timeout", silent);
}

/** By connection: who is told of what RabbitMQ is asked, and of each question that was sent earlier and whose turn it is now. */
const watchers = new WeakMap<object, (method: number, fields: Fields) => void>();

type Fields = Readonly<Record<string, unknown>>;

/**
 * Calls back for each method that amqplib sends on any channel, and again when RabbitMQ has answered everything that was sent before it on
 * its channel, until the returned function is called.
 *
 * @param asked gets the question in the form for the log: `queue.declare wsmanager.log`
 */
export function watchAsking(connection: ChannelModel, asked: (what: string) => void): () => void {
  const inside = innards(connection) as Innards & { sendMethod: Innards["sendMethod"] };
  const { sendMethod } = inside;
  const tell = (method: number, { queue, destination, exchange }: Fields) => {
    const name = [queue, destination, exchange].find((text) => typeof text === "string" && text !== "");
    asked([nameOf(method), name].filter(Boolean).join(" "));
  };
  watchers.set(inside, tell);
  const watching: Innards["sendMethod"] = (channel, method, fields) => {
    tell(method, fields);
    return sendMethod.call(inside, channel, method, fields);
  };
  inside.sendMethod = watching;
  return () => {
    watchers.delete(inside);
    // amqplib has replaced it if the connection is ending.
    if (inside.sendMethod === watching) inside.sendMethod = sendMethod;
  };
}

/** It is the turn of a question that was sent earlier: everything before it was answered. */
export function isNextInTurn(connection: ChannelModel, method: number, fields: Fields): void {
  watchers.get(innards(connection))?.(method, fields);
}

/** The questions on a connection's channels that RabbitMQ has not answered. A question is the same object each time. */
export function openQuestions(connection: ChannelModel): readonly unknown[] {
  return innards(connection).channels.flatMap((each) => each?.channel.reply ?? []);
}

/** Whether RabbitMQ reads nothing from this connection, because it is short of memory or disk. */
export function isBlocked(connection: ChannelModel): boolean {
  return innards(connection).blocked;
}

/** Closes a channel. Resolves when it is closed, even if its connection ends before RabbitMQ has answered, which amqplib does not report. */
export async function closeChannel(channel: Channel): Promise<void> {
  const ended = Promise.withResolvers<void>();
  channel.once("close", ended.resolve);
  await Promise.race([channel.close(), ended.promise]);
}

/**
 * The number of a channel within its connection.
 *
 * @throws TypeError if amqplib has changed
 */
export function channelNumber(channel: Channel): number {
  const number = (channel as unknown as { readonly ch?: unknown }).ch;
  if (typeof number !== "number") {
    throw new TypeError(
      "amqplib's internals are not those of version 2.3: see src/broker/rabbitmq/frames/innards.ts",
    );
  }
  return number;
}

/**
 * Calls back for answers to questions that were written without amqplib, on a channel on which amqplib asks nothing more. Returns a
 * function to call before each question is written.
 */
export function answersOn(channel: Channel, answered: () => void): () => void {
  const inside = channel as unknown as { reply?: ((error: unknown) => void) | null };
  if (inside.reply !== null) {
    throw new TypeError(
      "amqplib's internals are not those of version 2.3: see src/broker/rabbitmq/frames/innards.ts",
    );
  }
  let expected = 0;
  // A new function for each question, so that it is noticed when a question is answered.
  const reply = () => (error: unknown) => {
    // The channel is ending, which is reported elsewhere.
    if (error !== null) return;
    expected--;
    if (expected > 0) inside.reply = reply();
    answered();
  };
  return () => {
    expected++;
    inside.reply ??= reply();
  };
}
