import type { StompFault } from "../../wire/stomp/fault.ts";
import { costBytes, type Pending } from "./transactions.ts";

/**
 * How many SENDs are checked as one piece of input. Most checks cost next to nothing; the costliest, of long topics by long patterns, some
 * tens of microseconds each.
 */
const checksAtOnce = 32;

/** A transaction that has its COMMIT. It is checked and then published, which may take several slices. */
export class Commit {
  readonly sends: readonly Pending[];
  /** The receipt of the COMMIT; undefined: none. */
  readonly receipt: string | undefined;
  /** What the SENDs hold that are not published yet, in bytes. */
  keptBytes = 0;
  unconfirmed: number;
  /** Why a SEND was set aside meanwhile. It ends the session when all are published. */
  fault: StompFault | undefined;
  #checked = 0;
  #published = 0;

  constructor(sends: readonly Pending[], receipt: string | undefined) {
    this.sends = sends;
    this.receipt = receipt;
    this.unconfirmed = sends.length;
    for (const send of sends) this.keptBytes += costBytes(send);
  }

  /** Whether the token allows all SENDs. Nothing is published before that is known, since the token may have come after them. */
  get isChecked(): boolean {
    return this.#checked === this.sends.length;
  }

  get isPublished(): boolean {
    return this.#published === this.sends.length;
  }

  /** The next SEND to publish. Call it while `isPublished` is false. */
  next(): Pending {
    const send = this.sends[this.#published++]!;
    this.keptBytes -= costBytes(send);
    return send;
  }

  /** Checks some more SENDs. Returns the topic of one that is not allowed. */
  check(mayPublish: (topic: string) => boolean): string | undefined {
    const end = Math.min(this.sends.length, this.#checked + checksAtOnce);
    for (; this.#checked < end; this.#checked++) {
      const { topic } = this.sends[this.#checked]!.message;
      if (!mayPublish(topic)) return topic;
    }
    return undefined;
  }
}
