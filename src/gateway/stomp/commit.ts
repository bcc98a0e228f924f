import { contentOf, keyHeader } from "../../envelope/idempotency-key.ts";
import type { OutgoingMessage } from "../../message.ts";
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
  /** The content of the message that has each idempotency key. */
  readonly #contents = new Map<string, number>();
  #checked = 0;
  #published = 0;

  constructor(sends: readonly Pending[], receipt: string | undefined) {
    this.sends = sends;
    this.receipt = receipt;
    this.unconfirmed = sends.length;
    for (const send of sends) this.keptBytes += costBytes(send);
  }

  /**
   * Whether the token allows all SENDs, and each idempotency key is of one message alone. Nothing is published before that is known: the
   * token may have come after them.
   */
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

  /**
   * Checks some more SENDs.
   *
   * @param faultIn what is wrong with a message; `isKeyTaken`: its idempotency key is that of another one in the transaction
   * @returns what is wrong with one of them
   */
  check(
    faultIn: (message: OutgoingMessage, isKeyTaken: boolean) => StompFault | undefined,
  ): StompFault | undefined {
    const end = Math.min(this.sends.length, this.#checked + checksAtOnce);
    for (; this.#checked < end; this.#checked++) {
      const { message } = this.sends[this.#checked]!;
      const fault = faultIn(message, this.#isKeyTaken(message));
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  #isKeyTaken(message: OutgoingMessage): boolean {
    const key = message.headers?.[keyHeader];
    if (key === undefined) return false;
    const content = contentOf(message);
    const earlier = this.#contents.get(key) ?? content;
    this.#contents.set(key, earlier);
    return earlier !== content;
  }
}
