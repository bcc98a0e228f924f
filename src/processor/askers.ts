import type { Message } from "../message.ts";
import { askerOf, awaitedBy } from "../requests.ts";

/** How many clients that have gone are remembered, for those of their requests that still wait. Then the oldest is forgotten. */
const goneMax = 10_000;

/** The reason with which a call is aborted whose client has gone. */
class AskerGone extends Error {
  override readonly name = "AskerGone";

  constructor() {
    super("the client that asked has gone");
  }
}

/** A call that can be told that its client has gone. */
interface Abandonable {
  /** The client that asked has gone. */
  abandon(reason: Error): void;
}

/** Knows which clients wait for the answers of running calls, and tells the calls when a client has gone. */
export class Askers {
  readonly #calls = new Map<string, Set<Abandonable>>();
  readonly #gone = new Set<string>();

  /** A call begins. Returns a function to call when it has ended; undefined if no client waits for its answers. */
  begin(message: Message, call: Abandonable): (() => void) | undefined {
    const awaited = awaitedBy(message);
    const asker = awaited === undefined ? undefined : askerOf(awaited);
    if (asker === undefined) return undefined;
    if (this.#gone.has(asker)) call.abandon(new AskerGone());
    const calls = this.#calls.get(asker);
    if (calls === undefined) this.#calls.set(asker, new Set([call]));
    else calls.add(call);
    return () => {
      const left = this.#calls.get(asker);
      left?.delete(call);
      if (left?.size === 0) this.#calls.delete(asker);
    };
  }

  left(askers: readonly string[]): void {
    for (const asker of askers) {
      this.#gone.add(asker);
      if (this.#gone.size > goneMax) this.#gone.delete(this.#gone.values().next().value!);
      for (const call of this.#calls.get(asker) ?? []) call.abandon(new AskerGone());
    }
  }
}
