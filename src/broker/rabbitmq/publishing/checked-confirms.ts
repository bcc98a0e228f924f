import { Deque } from "../../../collections/deque.ts";

/**
 * Which of RabbitMQ's confirms count. No I/O.
 *
 * RabbitMQ confirms a message that reached no queue, and also one whose queue is deleted before it has stored the message. So a
 * confirm counts only when a check that was sent after the confirm came has been answered: the queues were there still.
 */
export class CheckedConfirms {
  readonly #confirmed: (tag: number, multiple: boolean) => void;
  /** Confirms that wait for the next check, in order: a tag, or below 0 for all up to it. At most as many as are unconfirmed. */
  #acked: number[] = [];
  /** The confirms that each check on its way is about. */
  readonly #asked = new Deque<readonly number[]>();

  /** @param confirmed hears of the confirms that count, as `Publisher.confirmed` */
  constructor(confirmed: (tag: number, multiple: boolean) => void) {
    this.#confirmed = confirmed;
  }

  /** Checks that are on their way. */
  get asked(): number {
    return this.#asked.length;
  }

  /** RabbitMQ has confirmed this tag; with `multiple`, all up to it. */
  acked(tag: number, multiple: boolean): void {
    const last = this.#acked.length - 1;
    if (multiple && (this.#acked[last] ?? 0) < 0) this.#acked[last] = Math.min(this.#acked[last]!, -tag);
    else this.#acked.push(multiple ? -tag : tag);
  }

  /** A check has been written. */
  checkSent(): void {
    this.#asked.push(this.#acked);
    this.#acked = [];
  }

  /** The earliest check on its way has found everything in place. */
  checkAnswered(): void {
    for (const tag of this.#asked.shift() ?? []) this.#confirmed(Math.abs(tag), tag < 0);
  }
}
