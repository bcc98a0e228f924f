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
 * them one after another in any case, and each answer has to wait for everything that is on its way to other channels. Only what is asked
 * after a question about a consumer waits for its answer, since RabbitMQ may answer the later one first.
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
  /** The fields of questions that wait until RabbitMQ has answered one about a consumer. */
  const late = new Set<Fields>();
  let openConsumerQuestions = 0;
  channel.sendImmediately = (method, fields) => {
    if (early.has(fields)) return isNextInTurn(connection, method, fields);
    late.delete(fields);
    return sendImmediately.call(channel, method, fields);
  };
  const ask: Asking["sendOrEnqueue"] = (method, fields, reply) => {
    if (channel.reply !== null && (openConsumerQuestions > 0 || late.size > 0)) late.add(fields);
    else if (channel.reply !== null) {
      sendImmediately.call(channel, method, fields);
      early.add(fields);
    }
    if (!answeredByQueue.has(method)) {
      sendOrEnqueue.call(channel, method, fields, reply);
      return;
    }
    openConsumerQuestions++;
    sendOrEnqueue.call(channel, method, fields, (...answer) => {
      openConsumerQuestions--;
      reply(...answer);
    });
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
/** The same for those that begin and cancel a consumer. The queue answers them, and not the channel, so what is asked after them may be answered first. */
const answeredByQueue: ReadonlySet<number> = new Set([(60 << 16) | 20, (60 << 16) | 30]);

type Fields = Readonly<Record<string, unknown>>;

/** How amqplib's channels ask questions. */
interface Asking {
  readonly reply: unknown;
  sendImmediately(method: number, fields: Fields): unknown;
  sendOrEnqueue(method: number, fields: Fields, reply: (error: unknown, answer?: unknown) => void): void;
}

/** How amqplib's connections give channels their numbers. */
interface Allocating {
  /** @throws Error if there is no number left */
  freshChannel(channel: unknown, options: unknown): number;
}
