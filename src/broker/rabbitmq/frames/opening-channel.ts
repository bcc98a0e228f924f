import type { Channel, ChannelModel } from "amqplib";
import { innards, isNextInTurn } from "./innards.ts";

/** A channel that is being opened, and on which questions can be sent already. */
export interface OpeningChannel {
  readonly channel: Channel;
  /** Rejects if it cannot be opened. */
  readonly opened: Promise<unknown>;
}

/**
 * Opens a channel on which all questions are sent at once. amqplib would send each question when the one before is answered. RabbitMQ takes
 * them one after another in any case, and each answer has to wait for everything that is on its way to other channels.
 *
 * On a connection that is over, `opened` and the answers to all questions reject.
 *
 * @throws Error if the connection has no channel left
 * @throws TypeError if amqplib has changed
 */
export function openingChannel(connection: ChannelModel): OpeningChannel {
  const { channel, opened } = allocated(connection);
  const { sendImmediately, sendOrEnqueue } = channel;
  /** The fields of questions that were sent already, and whose turn it is not. */
  const early = new WeakSet<Fields>();
  channel.sendImmediately = (method, fields) =>
    early.has(fields)
      ? isNextInTurn(connection, method, fields)
      : sendImmediately.call(channel, method, fields);
  const ask: Asking["sendOrEnqueue"] = (method, fields, reply) => {
    if (channel.reply !== null) {
      sendImmediately.call(channel, method, fields);
      early.add(fields);
    }
    sendOrEnqueue.call(channel, method, fields, reply);
  };
  /** Sending throws if the connection has ended meanwhile, and amqplib would forget who waits for the answer. */
  const askOrFail: Asking["sendOrEnqueue"] = (method, fields, reply) => {
    try {
      ask(method, fields, reply);
    } catch (error) {
      reply(error);
    }
  };
  // amqplib sends the question that opens the channel a little later.
  const unopened: Parameters<typeof ask>[] = [];
  channel.once("close", () => {
    for (const [, , reply] of unopened.splice(0))
      reply(new Error("the connection ended before the channel was opened"));
  });
  channel.sendOrEnqueue = (...question) => {
    if (question[0] !== channelOpen) {
      unopened.push(question);
      return;
    }
    channel.sendOrEnqueue = ask;
    for (const each of [question, ...unopened.splice(0)]) askOrFail(...each);
  };
  return { channel, opened };
}

/** Creates a channel, which has its number at once. It is opened in a microtask. */
function allocated(connection: ChannelModel): {
  readonly channel: Channel & Asking;
  readonly opened: Promise<unknown>;
} {
  const inside = innards(connection) as unknown as Allocating;
  const { freshChannel } = inside;
  let channel: unknown;
  let failure: unknown;
  inside.freshChannel = (fresh, options) => {
    try {
      const number = freshChannel.call(inside, fresh, options);
      channel = fresh;
      return number;
    } catch (error) {
      failure = error;
      throw error;
    }
  };
  const opened = connection.createChannel();
  inside.freshChannel = freshChannel;
  if (isAsking(channel)) return { channel, opened };
  // It is thrown here instead.
  opened.catch(() => undefined);
  throw (
    failure ??
    new TypeError(
      "amqplib's internals are not those of version 2.3: see src/broker/rabbitmq/frames/opening-channel.ts",
    )
  );
}

function isAsking(channel: unknown): channel is Channel & Asking {
  const { sendImmediately, sendOrEnqueue } = (channel ?? {}) as Partial<Asking>;
  return sendImmediately !== undefined && sendOrEnqueue !== undefined;
}

/** amqplib's number for the question that opens a channel. */
const channelOpen = (20 << 16) | 10;

type Fields = Readonly<Record<string, unknown>>;

/** How amqplib's channels ask questions. */
interface Asking {
  readonly reply: unknown;
  sendImmediately(method: number, fields: Fields): unknown;
  sendOrEnqueue(method: number, fields: Fields, reply: (error: unknown) => void): void;
}

/** How amqplib's connections give channels their numbers. */
interface Allocating {
  /** @throws Error if there is no number left */
  freshChannel(channel: unknown, options: unknown): number;
}
