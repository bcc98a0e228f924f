import type { Channel, ChannelModel, Options } from "amqplib";
import { codeOf, FatalError, reasonOf } from "../../../errors.ts";
import type { Logger } from "../../../ops/logger.ts";
import { closeChannel } from "../frames/innards.ts";

/** How this process declares, whichever of its connections does it. */
export interface DeclaringOptions {
  readonly logger: Logger;
  /**
   * How long what is missing stays so before it is declared, in milliseconds. A queue that went under load has to be missed by
   * all that publish, so that they publish again what reached nobody.
   */
  missedForMs(): number;
  /** What this process has declared before, and so knows the settings of: it is enough that it is there. */
  readonly known: Set<string>;
  /**
   * Declares queues one after another, whichever connection it is on. A RabbitMQ that has just been installed answers 541 to about
   * half of the processes that declare its first stream on two connections at once (3.10).
   */
  oneAtATime(declare: () => Promise<void>): Promise<void>;
}

type QueueArguments = NonNullable<Options.AssertQueue["arguments"]>;

/**
 * Declares on one connection. RabbitMQ closes a channel to answer "no", so the next question goes over a new one.
 *
 * Whatever is there already is joined as it is.
 */
export class Declaring {
  readonly #connection: ChannelModel;
  readonly #options: DeclaringOptions;
  #channel: Channel | undefined;
  #waited: Promise<void> | undefined;
  readonly #begun = new Set<string>();

  constructor(connection: ChannelModel, options: DeclaringOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** All is declared. */
  async done(): Promise<void> {
    const channel = this.#channel;
    this.#channel = undefined;
    if (channel !== undefined) await closeChannel(channel);
  }

  /** Declares something that several others need. */
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
   * A fanout exchange, durable if it is new.
   *
   * @throws FatalError if it exists with another type
   */
  async fanout(name: string, options: Options.AssertExchange = {}): Promise<void> {
    try {
      await this.ask((channel) => channel.assertExchange(name, "fanout", { durable: true, ...options }));
    } catch (error) {
      // 406: it exists with other arguments.
      if (codeOf(error) !== 406) throw forbidden(error, `exchange "${name}"`);
      notOfType("fanout", name, error);
    }
  }

  /** Declares a fanout exchange that stands between publishers and queues. If it went, it is missed before it is there again. */
  async between(name: string, options: Options.AssertExchange = {}): Promise<void> {
    await this.#between(name, () => this.fanout(name, options));
  }

  /**
   * An exchange that sorts messages out by their headers. What matches no binding goes on to another exchange.
   *
   * @throws FatalError if it exists with other settings, since it would sort otherwise
   */
  async selector(name: string, othersTo: string): Promise<void> {
    const options = { durable: true, internal: true, alternateExchange: othersTo };
    await this.#between(name, async () => {
      try {
        await this.ask((channel) => channel.assertExchange(name, "headers", options));
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
    // Where nobody misses anything, to ask first would only cost a channel for each answer "no".
    if (missedForMs() > 0) {
      const isThere = await this.hasExchange(name);
      if (isThere && known.has(name)) return;
      if (!isThere) await this.#beMissed();
    }
    await declare();
    known.add(name);
  }

  /** A durable queue. If it went, it is missed before it is there again. */
  async queue(name: string, args: QueueArguments): Promise<void> {
    await this.#options.oneAtATime(() => this.#queue(name, args));
  }

  async #queue(name: string, args: QueueArguments): Promise<void> {
    const isThere = await this.hasQueue(name);
    const { logger, known } = this.#options;
    const key = `queue ${name}`;
    if (isThere && known.has(key)) return;
    if (!isThere) await this.#beMissed();
    known.add(key);
    try {
      await this.ask((channel) => channel.assertQueue(name, { durable: true, arguments: args }));
    } catch (error) {
      if (codeOf(error) !== 406) throw forbidden(error, `queue "${name}"`);
      logger.info("queue exists with settings of its own, joining it as it is", {
        queue: name,
        reason: reasonOf(error),
      });
    }
  }

  async bindQueue(queue: string, exchange: string): Promise<void> {
    await this.ask((channel) => channel.bindQueue(queue, exchange, ""));
  }

  /** RabbitMQ does not mind if there is no such binding. */
  async unbindQueue(queue: string, exchange: string): Promise<void> {
    await this.ask((channel) => channel.unbindQueue(queue, exchange, ""));
  }

  async bindExchange(destination: string, source: string, args: Record<string, unknown> = {}): Promise<void> {
    await this.ask((channel) => channel.bindExchange(destination, source, "", args));
  }

  /** RabbitMQ does not mind if there is no such binding. */
  async unbindExchange(destination: string, source: string): Promise<void> {
    await this.ask((channel) => channel.unbindExchange(destination, source, ""));
  }

  /** Asks for something else, on a channel that lives on. */
  async ask<T>(question: (channel: Channel) => Promise<T>): Promise<T> {
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
    // The rejected question says the same; without a listener the event would be thrown.
    channel.on("error", () => undefined);
    return channel;
  }

  async #has(what: string, question: (channel: Channel) => Promise<unknown>): Promise<boolean> {
    try {
      await this.ask(question);
      return true;
    } catch (error) {
      if (codeOf(error) === 404) return false;
      throw forbidden(error, what);
    }
  }

  /** Once for all that is missing. */
  async #beMissed(): Promise<void> {
    const ms = this.#options.missedForMs();
    if (ms === 0) return;
    this.#waited ??= Bun.sleep(ms);
    await this.#waited;
  }
}

/**
 * RabbitMQ compares an exchange's type before its arguments, and says what differs in its text alone: over AMQP there is no other way to
 * learn a type.
 *
 * @param error what RabbitMQ answered to the declaration
 * @throws FatalError if the exchange exists with another type
 */
export function notOfType(type: string, name: string, error: unknown): void {
  if (codeOf(error) !== 406 || !/inequivalent arg 'type'/.test(reasonOf(error))) return;
  throw new FatalError(
    `the exchange "${name}" exists in RabbitMQ with another type than ${type}: delete it, or use another vhost in --broker`,
  );
}

/** 403 is a lack of permission, which no retry mends. */
function forbidden(error: unknown, what: string): unknown {
  if (codeOf(error) !== 403) return error;
  return new FatalError(
    `the RabbitMQ user may not declare or use the ${what}: grant it configure, write and read on ^(wsmanager|towsmanager)(\\..*)?$ (${reasonOf(error)})`,
  );
}
