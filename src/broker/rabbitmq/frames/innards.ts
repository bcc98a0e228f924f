import type { Channel, ChannelModel } from "amqplib";
import type { ReadHandle } from "./read-rests.ts";

/** AMQP's names of the classes and methods by which Warren asks, by their numbers: `queue.declare` is 50 and 10. */
const classNames = new Map([
  [20, "channel"],
  [40, "exchange"],
  [50, "queue"],
  [60, "basic"],
  [85, "confirm"],
]);
const methodNames: ReadonlyMap<string, string> = new Map(
  Object.entries({
    channel: { open: 10, close: 40 },
    exchange: { declare: 10, delete: 20, bind: 30, unbind: 40 },
    queue: { declare: 10, bind: 20, delete: 40, unbind: 50 },
    basic: { qos: 10, consume: 20, cancel: 30 },
    confirm: { select: 10 },
  }).flatMap(([of, methods]) =>
    Object.entries(methods).map(([name, number]): [string, string] => [`${of} ${number}`, `${of}.${name}`]),
  ),
);

/** @param method amqplib's number: that of the class in the upper 16 bits */
function nameOf(method: number): string {
  const [classNumber, number] = [method >>> 16, method & 0xffff];
  return methodNames.get(`${classNames.get(classNumber)} ${number}`) ?? `method ${classNumber}.${number}`;
}

/**
 * What Warren needs of amqplib that it has but does not document: the socket, to write many publishes at once and to let
 * go of a peer that does not answer, what frames are made of, and which questions are open. The version is pinned, and this
 * and `opening-channel.ts` are the only places.
 */
export interface Innards {
  /** The socket. */
  readonly stream: {
    write(bytes: Uint8Array): boolean;
    destroy(): void;
    /** What was written and has not been handed to the kernel, in bytes. */
    readonly writableLength: number;
    on(event: "drain", heard: () => void): unknown;
    off(event: "drain", heard: () => void): unknown;
  };
  /** The negotiated limit for a frame, in bytes. */
  readonly frameMax: number;
  /** RabbitMQ reads nothing from it, since it is short of memory or disk. */
  readonly blocked: boolean;
  /** The channels by number; null for what has ended, and the first one is the connection's own. */
  readonly channels: readonly ({ readonly channel: { readonly reply?: unknown } } | null)[];
  /** Writes a frame of a method. */
  sendMethod(channel: number, method: number, fields: Readonly<Record<string, unknown>>): unknown;
  /** Ends the connection, as if the socket had failed. */
  onSocketError(error: Error): void;
}

/**
 * What amqplib does not show of a connection.
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

/** What reading in amqplib's place needs of a connection that is open. */
export interface Receiving {
  /** The socket. */
  readonly stream: {
    read(): Buffer | null;
    removeAllListeners(event: "readable"): unknown;
    /** The socket hands over by it what it has received, and null at the end. */
    push(chunk: Buffer | null): boolean;
    /** Bun's, which a stream keeps for itself. `pause` of the stream means nothing to one that takes what it is handed over. */
    readonly _handle?: ReadHandle | null;
  };
  /** What was received and not read. */
  rest: Buffer;
  /** Whether something has come since the last heartbeat was due. */
  recvSinceLastCheck: boolean;
  /** The largest frame, in bytes; 0 for no limit. */
  readonly maxFrameSize: number;
  /** The channels by number; null for what has ended, and the first one is the connection's own. */
  readonly channels: readonly ({ readonly channel: ReceivingChannel } | null)[];
  /** Takes a frame that was read. amqplib puts another function in its place when the connection is closing. */
  accept(frame: unknown): void;
  /** Reads the frame that `rest` begins with. */
  recvFrame(): unknown;
  /** Tells amqplib that what was received is no frame: it ends the connection. */
  emit(event: "frameError", error: unknown): unknown;
}

/** A channel of amqplib's that gets deliveries. Once it is closing it has an `accept` of its own. */
export interface ReceivingChannel {
  /** Gives a message to its consumer. */
  emit(event: "delivery", message: object): unknown;
  /** Closes the channel, and says why. */
  closeWithError(method: undefined, reason: string, code: number, error: unknown): void;
}

/**
 * From now on, what a socket receives goes to `received` at once. Node's streams keep it in a list, tell of it in another turn of
 * the loop and ask the socket for more: together that is dearer than to read it from the kernel.
 */
export function receiveFrom(stream: Receiving["stream"], received: (chunk: Buffer) => void): void {
  stream.removeAllListeners("readable");
  for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) received(chunk);
  const push = stream.push.bind(stream);
  stream.push = (chunk) => {
    if (chunk === null) return push(null);
    received(chunk);
    return true;
  };
}

/** What reads what RabbitMQ sends over a connection. @throws TypeError if amqplib has changed */
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
 * Lets go of a connection whose peer does not answer. A stream that is destroyed without an error tells amqplib nothing, so that
 * a caller that waits for an answer on one of its channels would wait for ever: here all of them hear of the end.
 */
export function abandon(connection: ChannelModel, why: Error): void {
  const inside = innards(connection);
  // It may be one that came up late, and that nobody listens to.
  connection.on("error", () => undefined);
  inside.onSocketError(why);
  inside.stream.destroy();
}

/**
 * Calls back with each method that amqplib sends on any channel, until the returned function is called.
 *
 * @param sent gets what is asked, as the log says it: `queue.declare wsmanager.log`
 */
export function watchSending(connection: ChannelModel, sent: (what: string) => void): () => void {
  const inside = innards(connection) as Innards & { sendMethod: Innards["sendMethod"] };
  const { sendMethod } = inside;
  const watching: Innards["sendMethod"] = (channel, method, fields) => {
    const { queue, destination, exchange } = fields;
    const name = [queue, destination, exchange].find((text) => typeof text === "string" && text !== "");
    sent([nameOf(method), name].filter(Boolean).join(" "));
    return sendMethod.call(inside, channel, method, fields);
  };
  inside.sendMethod = watching;
  return () => {
    // amqplib has put another one in its place where the connection ends.
    if (inside.sendMethod === watching) inside.sendMethod = sendMethod;
  };
}

/** The questions on a connection's channels that RabbitMQ has not answered: the same object as long as it is the same question. */
export function openQuestions(connection: ChannelModel): readonly unknown[] {
  return innards(connection).channels.flatMap((each) => each?.channel.reply ?? []);
}

/** RabbitMQ reads nothing from this connection, since it is short of memory or disk. */
export function isBlocked(connection: ChannelModel): boolean {
  return innards(connection).blocked;
}

/** Closes a channel. Resolves when it is closed, also if its connection ends before RabbitMQ has answered, which amqplib does not tell. */
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
 * Hears of the answers to questions that were written past amqplib, on a channel that amqplib asks nothing more. Returns what to
 * call for each question, before it is written.
 */
export function answersOn(channel: Channel, answered: () => void): () => void {
  const inside = channel as unknown as { reply?: ((error: unknown) => void) | null };
  if (inside.reply !== null) {
    throw new TypeError(
      "amqplib's internals are not those of version 2.3: see src/broker/rabbitmq/frames/innards.ts",
    );
  }
  let expected = 0;
  // A new one for each question, by which it is seen that one was answered.
  const reply = () => (error: unknown) => {
    // The channel ends, and says so.
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
