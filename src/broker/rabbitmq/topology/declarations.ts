import type { Options } from "amqplib";

/** The arguments of a queue. */
export type QueueArguments = NonNullable<Options.AssertQueue["arguments"]>;

/**
 * What the topology is made of. It is described once, and carried out in one of two ways: all at once (`at-once.ts`), which succeeds only if
 * what it relies on exists, or step by step (`declaring.ts`).
 *
 * An exchange that is not durable belongs to one connection: nobody misses it, so nobody looks for it.
 */
export interface Declarations {
  /** Declares something that several others need, but only once. */
  once(name: string, declare: () => Promise<void>): Promise<void>;
  /** A fanout exchange; durable unless told otherwise. */
  fanout(name: string, options?: Options.AssertExchange): Promise<void>;
  /** A topic exchange; durable unless told otherwise. */
  topic(name: string, options?: Options.AssertExchange): Promise<void>;
  /** A fanout exchange between publishers and queues. If it has gone, it stays missing for a while before it is declared again. */
  between(name: string, options?: Options.AssertExchange): Promise<void>;
  /** An exchange that selects messages by their headers. What matches no binding goes to another exchange. */
  selector(name: string, othersTo: string): Promise<void>;
  /** A durable queue. If it has gone, it stays missing for a while before it is declared again. */
  queue(name: string, args: QueueArguments): Promise<void>;
  /** Binds a queue to an exchange. @param key empty unless given, as for a fanout exchange */
  bindQueue(queue: string, exchange: string, key?: string): Promise<void>;
  /** Removes a binding. RabbitMQ does not mind if it does not exist. */
  unbindQueue(queue: string, exchange: string): Promise<void>;
  /** Binds an exchange to another one. @param key empty unless given */
  bindExchange(
    destination: string,
    source: string,
    args?: Record<string, unknown>,
    key?: string,
  ): Promise<void>;
  /** Removes a binding. RabbitMQ does not mind if it does not exist. */
  unbindExchange(destination: string, source: string): Promise<void>;
}

/** The options of an exchange that selects by headers. */
export function selectorOptions(othersTo: string): Options.AssertExchange {
  return { durable: true, internal: true, alternateExchange: othersTo };
}

/** The options of a durable queue. */
export function queueOptions(args: QueueArguments): Options.AssertQueue {
  return { durable: true, arguments: args };
}

/** The name of a queue among what a process has declared, where exchanges have their own names. */
export function queueKey(name: string): string {
  return `queue ${name}`;
}
