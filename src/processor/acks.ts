import type { ConsumeSession } from "../broker/broker.ts";
import { TagWindow } from "../broker/tag-window.ts";

/**
 * Acknowledges the deliveries of one session in as few acks as possible: once in a turn of the event loop, all up to
 * the first that is not done. One that takes long does not starve the others: when too many are done behind it,
 * they are acknowledged one by one.
 */
export class Acks {
  readonly #session: ConsumeSession;
  readonly #gapMax: number;
  readonly #window = new TagWindow<true>();
  /** Acknowledged one by one, behind a gap that is still open. */
  readonly #singly = new Set<number>();
  #ackedUpTo = 0;
  #flushImmediate: NodeJS.Immediate | undefined;

  constructor(session: ConsumeSession, prefetch: number) {
    this.#session = session;
    this.#gapMax = Math.max(1, Math.floor(prefetch / 2));
  }

  /** Each delivery's tag, in order. */
  delivered(tag: number): void {
    const expected = this.#window.add(true);
    if (tag !== expected) throw new RangeError(`delivery tag ${tag} where ${expected} was due`);
  }

  /** The delivery is done with: it may be acknowledged. */
  done(tag: number): void {
    this.#window.settle(tag, false);
    this.#flushImmediate ??= setImmediate(() => this.flush());
  }

  /** Acknowledges now what is done. */
  flush(): void {
    clearImmediate(this.#flushImmediate);
    this.#flushImmediate = undefined;
    this.#ackPrefix();
    if (this.#window.beyondGap - this.#singly.size >= this.#gapMax) this.#ackSingly();
  }

  /** Acknowledges now all that is done, in a session in which nothing more will be: no gap is going to close. */
  finish(): void {
    this.flush();
    this.#ackSingly();
  }

  #ackSingly(): void {
    for (const tag of this.#window.settledBeyondGap()) {
      if (this.#singly.has(tag)) continue;
      this.#singly.add(tag);
      this.#session.ack(tag, false);
    }
  }

  #ackPrefix(): void {
    let last = this.#window.settledUpTo;
    // RabbitMQ refuses a tag that it has seen acknowledged, so the last one must not have been acked singly.
    while (this.#singly.has(last)) last--;
    if (last > this.#ackedUpTo) this.#session.ack(last, true);
    this.#ackedUpTo = Math.max(this.#ackedUpTo, this.#window.settledUpTo);
    for (const tag of this.#singly) if (tag <= this.#ackedUpTo) this.#singly.delete(tag);
  }
}
