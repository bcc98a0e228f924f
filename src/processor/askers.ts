import type { Message } from "../message.ts";
import { askerOf, awaitedBy } from "../requests.ts";

/** Askers that have gone are remembered for the requests of theirs that still wait; then the oldest is forgotten. */
const goneMax = 10_000;

/** The client that asked has gone. */
class AskerGone extends Error {
  override readonly name = "AskerGone";

  constructor() {
    super("the client that asked has gone");
  }
}

/** A call that can be told that nobody waits for its answers any more. */
interface Abandonable {
  /** The client that asked has gone. */
  abandon(reason: Error): void;
}

/** Who waits for the answers of the calls that are under way: a call is told when that client has gone. */
export class Askers {
  readonly #calls = new Map<string, Set<Abandonable>>();
  readonly #gone = new Set<string>();

  /** A call begins. Returns what is to be called when it has ended; undefined if nobody waits for its answers. */
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
