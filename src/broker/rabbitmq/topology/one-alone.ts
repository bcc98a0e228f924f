import type { Options } from "amqplib";
import type { Declarations, QueueArguments } from "./declarations.ts";

/**
 * Declares one exchange or queue of a topology, and nothing else. What it needs of the rest, its bindings, comes with the whole topology,
 * which is declared when nothing is missing any more.
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

  bindQueue = nothing;
  unbindQueue = nothing;
  bindExchange = nothing;
  unbindExchange = nothing;
}

function nothing(): Promise<void> {
  return Promise.resolve();
}
