import type { Options } from "amqplib";
import type { Declarations, QueueArguments } from "./declarations.ts";

/**
 * Declares one exchange or queue of a topology, and nothing else, but a queue with its bindings: managers that find it there take it for
 * bound. The durable exchanges that it is bound to come before it in each topology, so they exist. Those that are not durable belong to this
 * connection, and are not there yet: they are declared and bound with the whole topology, when nothing is missing any more. So are the
 * bindings of exchanges.
 */
export class OneAlone implements Declarations {
  readonly #name: string;
  readonly #by: Declarations;
  readonly #begun = new Set<string>();
  /** Exchanges of this connection alone. */
  readonly #own = new Set<string>();

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
    this.#note(name, options);
    if (name === this.#name) await this.#by.fanout(name, options);
  }

  async topic(name: string, options?: Options.AssertExchange): Promise<void> {
    this.#note(name, options);
    if (name === this.#name) await this.#by.topic(name, options);
  }

  async between(name: string, options?: Options.AssertExchange): Promise<void> {
    this.#note(name, options);
    if (name === this.#name) await this.#by.between(name, options);
  }

  async selector(name: string, othersTo: string): Promise<void> {
    if (name === this.#name) await this.#by.selector(name, othersTo);
  }

  async queue(name: string, args: QueueArguments): Promise<void> {
    if (name === this.#name) await this.#by.queue(name, args);
  }

  async bindQueue(queue: string, exchange: string, key?: string): Promise<void> {
    if (queue === this.#name && !this.#own.has(exchange)) await this.#by.bindQueue(queue, exchange, key);
  }

  async unbindQueue(queue: string, exchange: string): Promise<void> {
    if (queue === this.#name) await this.#by.unbindQueue(queue, exchange);
  }

  bindExchange = nothing;
  unbindExchange = nothing;

  #note(name: string, options: Options.AssertExchange | undefined): void {
    if (options?.durable === false) this.#own.add(name);
  }
}

function nothing(): Promise<void> {
  return Promise.resolve();
}
