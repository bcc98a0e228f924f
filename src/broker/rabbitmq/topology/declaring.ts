import type { Channel, ChannelModel, Options } from "amqplib";
import { codeOf, FatalError, reasonOf } from "../../../errors.ts";
import type { Logger } from "../../../ops/logger.ts";
import { closeChannel } from "../frames/innards.ts";
import {
  type Declarations,
  type QueueArguments,
  queueKey,
  queueOptions,
  selectorOptions,
} from "./declarations.ts";

/** The options for declaring that all connections of this process share. */
export interface DeclaringOptions {
  readonly logger: Logger;
  /**
   * How long something that has gone stays missing before it is declared again, in milliseconds. All publishers have to notice that a queue
   * went under load, so that they publish again what did not reach it.
   */
  missedForMs(): number;
  /** What this process has declared before. Its settings are known, so it only needs to exist. */
  readonly known: Set<string>;
  /**
   * Declares queues one after another, on whichever connection. If a freshly installed RabbitMQ is asked for its first stream on two
   * connections at once, it answers 541 to about half of the processes (3.10).
   */
  oneAtATime(declare: () => Promise<void>): Promise<void>;
}

/**
 * Declares on one connection, step by step, since something is missing or not as it should be. RabbitMQ closes a channel to answer "no", so
 * the next question goes over a new one.
 *
 * What exists already is used as it is.
 */
export class Declaring implements Declarations {
  readonly #connection: ChannelModel;
  readonly #options: DeclaringOptions;
  #channel: Channel | undefined;
  #waited: Promise<void> | undefined;
  readonly #begun = new Set<string>();

  constructor(connection: ChannelModel, options: DeclaringOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** Ends the declaring. */
  async done(): Promise<void> {
    const channel = this.#channel;
    this.#channel = undefined;
    if (channel !== undefined) await closeChannel(channel);
  }

  async once(name: string, declare: () => Promise<void>): Promise<void> {
    if (this.#begun.has(name)) return;
    this.#begun.add(name);
    await declare();
  }

  async hasExchange(name: string): Promise<boolean> {
    return await this.#has(`exchange "${name}"`, (channel) => channel.checkExchange(name));
  }

  async hasQueue(name: string): Promise<boolean> {
    return await this.#has(`queue "${name}"`, (channel) => channel.checkQueue(name));
  }

  /**
   * Declares a fanout exchange; a new one is durable.
   *
   * @throws FatalError if it exists with another type
   */
  async fanout(name: string, options: Options.AssertExchange = {}): Promise<void> {
    try {
      await this.#ask((channel) => channel.assertExchange(name, "fanout", { durable: true, ...options }));
    } catch (error) {
      // 406: it exists with other arguments.
      if (codeOf(error) !== 406) throw forbidden(error, `exchange "${name}"`);
      notOfType("fanout", name, error);
    }
  }

  /** @throws FatalError if it exists with another type */
  async topic(name: string, options: Options.AssertExchange = {}): Promise<void> {
    try {
      await this.#ask((channel) => channel.assertExchange(name, "topic", { durable: true, ...options }));
    } catch (error) {
      notOfType("topic", name, error);
      throw error;
    }
  }

  async between(name: string, options: Options.AssertExchange = {}): Promise<void> {
    await this.#between(name, () => this.fanout(name, options));
  }

  /** @throws FatalError if it exists with other settings, since it would select otherwise */
  async selector(name: string, othersTo: string): Promise<void> {
    const options = selectorOptions(othersTo);
    await this.#between(name, async () => {
      try {
        await this.#ask((channel) => channel.assertExchange(name, "headers", options));
      } catch (error) {
        if (codeOf(error) !== 406) throw forbidden(error, `exchange "${name}"`);
        throw new FatalError(
          `the exchange "${name}" exists in RabbitMQ with other settings than Warren's: delete it, or use another vhost in --broker (${reasonOf(error)})`,
        );
      }
    });
  }

  async #between(name: string, declare: () => Promise<void>): Promise<void> {
    const { known, missedForMs } = this.#options;
    // If nothing has to stay missing, asking first would only cost a channel for each answer "no".
    if (missedForMs() > 0) {
      const isThere = await this.hasExchange(name);
      if (isThere && known.has(name)) return;
      if (!isThere) await this.#waitUntilMissed();
    }
    await declare();
    known.add(name);
  }

  async queue(name: string, args: QueueArguments): Promise<void> {
    await this.#options.oneAtATime(() => this.#queue(name, args));
  }

  async #queue(name: string, args: QueueArguments): Promise<void> {
    const isThere = await this.hasQueue(name);
    const { logger, known } = this.#options;
    const key = queueKey(name);
    if (isThere && known.has(key)) return;
    if (!isThere) await this.#waitUntilMissed();
    known.add(key);
    try {
      await this.#ask((channel) => channel.assertQueue(name, queueOptions(args)));
    } catch (error) {
      if (codeOf(error) !== 406) throw forbidden(error, `queue "${name}"`);
      logger.info("queue exists with settings of its own, joining it as it is", {
        queue: name,
        reason: reasonOf(error),
      });
    }
  }

  async bindQueue(queue: string, exchange: string, key = ""): Promise<void> {
    await this.#ask((channel) => channel.bindQueue(queue, exchange, key));
  }

  async unbindQueue(queue: string, exchange: string): Promise<void> {
    await this.#ask((channel) => channel.unbindQueue(queue, exchange, ""));
  }

  async bindExchange(
    destination: string,
    source: string,
    args: Record<string, unknown> = {},
    key = "",
  ): Promise<void> {
    await this.#ask((channel) => channel.bindExchange(destination, source, key, args));
  }

  async unbindExchange(destination: string, source: string): Promise<void> {
    await this.#ask((channel) => channel.unbindExchange(destination, source, ""));
  }

  /** Asks a question on a channel that stays open. */
  async #ask<T>(question: (channel: Channel) => Promise<T>): Promise<T> {
    this.#channel ??= await this.#open();
    const channel = this.#channel;
    try {
      return await question(channel);
    } catch (error) {
      this.#channel = undefined;
      throw error;
    }
  }

  async #open(): Promise<Channel> {
    const channel = await this.#connection.createChannel();
    // The rejected question reports the same. Without a listener the event would be thrown.
    channel.on("error", () => undefined);
    return channel;
  }

  async #has(what: string, question: (channel: Channel) => Promise<unknown>): Promise<boolean> {
    try {
      await this.#ask(question);
      return true;
    } catch (error) {
      if (codeOf(error) === 404) return false;
      throw forbidden(error, what);
    }
  }

  /** Waits once for everything that is missing. */
  async #waitUntilMissed(): Promise<void> {
    const ms = this.#options.missedForMs();
    if (ms === 0) return;
    this.#waited ??= Bun.sleep(ms);
    await this.#waited;
  }
}

/**
 * RabbitMQ compares an exchange's type before its arguments, and says what differs only in its text. AMQP has no other way to learn a type.
 *
 * @param error RabbitMQ's answer to the declaration
 * @throws FatalError if the exchange exists with another type
 */
function notOfType(type: string, name: string, error: unknown): void {
  if (codeOf(error) !== 406 || !/inequivalent arg 'type'/.test(reasonOf(error))) return;
  throw new FatalError(
    `the exchange "${name}" exists in RabbitMQ with another type than ${type}: delete it, or use another vhost in --broker`,
  );
}

/** Interprets 403, a missing permission, which no retry mends. */
function forbidden(error: unknown, what: string): unknown {
  if (codeOf(error) !== 403) return error;
  return new FatalError(
    `the RabbitMQ user may not declare or use the ${what}: grant it configure, write and read on ^(wsmanager|towsmanager)(\\..*)?$ (${reasonOf(error)})`,
  );
}
