import type { Options } from "amqplib";
import type { Declarations, QueueArguments } from "./declarations.ts";

/**
 * Declares one exchange or queue of a topology, and nothing else, but a queue with its bindings: managers that find it there take it for
 * bound. The exchanges that it is bound to come before it in each topology, so they exist. An exchange's bindings come with the whole
 * topology, which is declared when nothing is missing any more.
 */
export class OneAlone implements Declarations {
  readonly #name: string;
  readonly #by: Declarations;
  readonly #begun = new Set<string>();

  /** @param by declares it */
  constructor(name: string, by: Declarations) {
    this.#name = name;
    this.#by = by;
  }

  async once(name: string, declare: () => Promise<void>): Promise<void> {
    if (this.#begun.has(name)) return;
    this.#begun.add(name);
    await declare();
  }

  async fanout(name: string, options?: Options.AssertExchange): Promise<void> {
    if (name === this.#name) await this.#by.fanout(name, options);
  }

  async topic(name: string, options?: Options.AssertExchange): Promise<void> {
    if (name === this.#name) await this.#by.topic(name, options);
  }

  async between(name: string, options?: Options.AssertExchange): Promise<void> {
    if (name === this.#name) await this.#by.between(name, options);
  }

  async selector(name: string, othersTo: string): Promise<void> {
    if (name === this.#name) await this.#by.selector(name, othersTo);
  }

  async queue(name: string, args: QueueArguments): Promise<void> {
    if (name === this.#name) await this.#by.queue(name, args);
  }

  async bindQueue(queue: string, exchange: string, key?: string): Promise<void> {
    if (queue === this.#name) await this.#by.bindQueue(queue, exchange, key);
  }

  async unbindQueue(queue: string, exchange: string): Promise<void> {
    if (queue === this.#name) await this.#by.unbindQueue(queue, exchange);
  }

  bindExchange = nothing;
  unbindExchange = nothing;
}

function nothing(): Promise<void> {
  return Promise.resolve();
}
