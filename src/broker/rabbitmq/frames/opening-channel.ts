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
 * @throws TypeError if amqplib has changed
 */
export function openingChannel(connection: ChannelModel): OpeningChannel {
  const { channels } = innards(connection);
  const before = new Set(channels);
  const opened = connection.createChannel();
  const channel = channels.find((each) => each !== null && !before.has(each))?.channel as unknown as
    | (Channel & Asking)
    | undefined;
  if (channel?.sendImmediately === undefined || channel.sendOrEnqueue === undefined) {
    opened.catch(() => undefined);
    throw new TypeError(
      "amqplib's internals are not those of version 2.3: see src/broker/rabbitmq/frames/opening-channel.ts",
    );
  }
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
  // amqplib sends the question that opens the channel a little later.
  const unopened: Parameters<typeof ask>[] = [];
  channel.sendOrEnqueue = (...question) => {
    if (question[0] !== channelOpen) {
      unopened.push(question);
      return;
    }
    channel.sendOrEnqueue = ask;
    for (const each of [question, ...unopened]) ask(...each);
  };
  return { channel, opened };
}

/** amqplib's number for the question that opens a channel. */
const channelOpen = (20 << 16) | 10;

type Fields = Readonly<Record<string, unknown>>;

/** How amqplib's channels ask questions. */
interface Asking {
  readonly reply: unknown;
  sendImmediately(method: number, fields: Fields): unknown;
  sendOrEnqueue(method: number, fields: Fields, reply: unknown): void;
}
