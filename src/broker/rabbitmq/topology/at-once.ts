import type { Channel, ChannelModel, Options } from "amqplib";
import { codeOf, reasonOf } from "../../../errors.ts";
import { closeChannel } from "../frames/innards.ts";
import { openingChannel } from "../frames/opening-channel.ts";
import {
  type Declarations,
  type QueueArguments,
  queueKey,
  queueOptions,
  selectorOptions,
} from "./declarations.ts";

/** What RabbitMQ has said to declarations that were made all at once. */
export type AtOnce =
  | { readonly is: "done" }
  /** It said no. `missing` is the first thing that does not exist; undefined if it said no for another reason. */
  | { readonly is: "refused"; readonly missing: string | undefined };

/**
 * Sends declarations all at once, so that they take one round trip: step by step they took more than forty, which are many seconds while
 * RabbitMQ is busy. Everything that others may miss is asked for before it is declared. If something is missing, RabbitMQ closes the
 * channel and takes nothing of what comes after, so nothing is declared before everybody has missed it.
 *
 * @param known what this process has declared before. What is declared now is added
 * @throws Error if the connection is lost
 */
export async function declareAtOnce(
  connection: ChannelModel,
  known: Set<string>,
  declare: (declarations: Declarations) => Promise<void>,
): Promise<AtOnce> {
  const { channel, opened } = openingChannel(connection);
  // The rejected question reports the same. Without a listener the event would be thrown.
  channel.on("error", () => undefined);
  const sending = new Sending(channel, known);
  sending.ask(opened);
  try {
    await declare(sending);
    await sending.answered();
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return { is: "refused", missing: missingIn(error) };
  }
  for (const key of sending.declared) known.add(key);
  // Nothing has to wait for that. It fails if the connection ends, which the link is told.
  closeChannel(channel).catch(() => undefined);
  return { is: "done" };
}

/** The name of what RabbitMQ has not got, in its answer. */
function missingIn(error: unknown): string | undefined {
  return codeOf(error) === 404 ? /no (?:queue|exchange) '([^']+)'/.exec(reasonOf(error))?.[1] : undefined;
}

/** Sends each question without waiting for the answer to the one before. */
class Sending implements Declarations {
  readonly #channel: Channel;
  readonly #known: ReadonlySet<string>;
  readonly #answers: Promise<unknown>[] = [];
  readonly #begun = new Set<string>();
  /** What has been declared when all questions are answered. */
  readonly declared: string[] = [];

  constructor(channel: Channel, known: ReadonlySet<string>) {
    this.#channel = channel;
    this.#known = known;
  }

  ask(answer: Promise<unknown>): void {
    // All answers are awaited together, in `answered`. Until then none may count as unhandled.
    answer.catch(() => undefined);
    this.#answers.push(answer);
  }

  /**
   * Resolves when all questions are answered.
   *
   * @throws Error the answer to the first question that failed: those after it say only that the channel has ended, and may say it sooner
   */
  async answered(): Promise<void> {
    await Promise.allSettled(this.#answers);
    for (const answer of this.#answers) await answer;
  }

  async once(name: string, declare: () => Promise<void>): Promise<void> {
    if (this.#begun.has(name)) return;
    this.#begun.add(name);
    await declare();
  }

  fanout(name: string, options: Options.AssertExchange = {}): Promise<void> {
    return this.#exchange(name, "fanout", options);
  }

  topic(name: string, options: Options.AssertExchange = {}): Promise<void> {
    return this.#exchange(name, "topic", options);
  }

  between(name: string, options: Options.AssertExchange = {}): Promise<void> {
    return this.#betweenOnes(name, "fanout", options);
  }

  selector(name: string, othersTo: string): Promise<void> {
    return this.#betweenOnes(name, "headers", selectorOptions(othersTo));
  }

  queue(name: string, args: QueueArguments): Promise<void> {
    const key = queueKey(name);
    this.ask(this.#channel.checkQueue(name));
    if (!this.#known.has(key)) this.ask(this.#channel.assertQueue(name, queueOptions(args)));
    this.declared.push(key);
    return sent;
  }

  bindQueue(queue: string, exchange: string, key = ""): Promise<void> {
    this.ask(this.#channel.bindQueue(queue, exchange, key));
    return sent;
  }

  unbindQueue(queue: string, exchange: string): Promise<void> {
    this.ask(this.#channel.unbindQueue(queue, exchange, ""));
    return sent;
  }

  bindExchange(
    destination: string,
    source: string,
    args: Record<string, unknown> = {},
    key = "",
  ): Promise<void> {
    this.ask(this.#channel.bindExchange(destination, source, key, args));
    return sent;
  }

  unbindExchange(destination: string, source: string): Promise<void> {
    this.ask(this.#channel.unbindExchange(destination, source, ""));
    return sent;
  }

  #exchange(name: string, type: string, options: Options.AssertExchange): Promise<void> {
    const { durable = true } = options;
    if (durable) this.ask(this.#channel.checkExchange(name));
    this.ask(this.#channel.assertExchange(name, type, { durable, ...options }));
    return sent;
  }

  #betweenOnes(name: string, type: string, options: Options.AssertExchange): Promise<void> {
    if (this.#known.has(name)) this.ask(this.#channel.checkExchange(name));
    else void this.#exchange(name, type, options);
    this.declared.push(name);
    return sent;
  }
}

const sent = Promise.resolve();
