import { Deque } from "../../../collections/deque.ts";

/**
 * Decides which of RabbitMQ's confirms count. No I/O.
 *
 * RabbitMQ also confirms a message that reached no queue, or whose queue is deleted before it has stored the message. So a confirm counts
 * only when a check that was sent after the confirm was answered: the queues still existed then.
 */
export class CheckedConfirms {
  readonly #confirmed: (tag: number, multiple: boolean) => void;
  /**
   * Confirms that wait for the next check, in order. A negative number stands for all tags up to it. At most as many as there are
   * unconfirmed messages.
   */
  #acked: number[] = [];
  /** The confirms that each pending check covers. */
  readonly #asked = new Deque<readonly number[]>();

  /** @param confirmed called for confirms that count, like `Publisher.confirmed` */
  constructor(confirmed: (tag: number, multiple: boolean) => void) {
    this.#confirmed = confirmed;
  }

  /** How many checks are pending. */
  get asked(): number {
    return this.#asked.length;
  }

  /** RabbitMQ has confirmed this tag; with `multiple`, all up to it. */
  acked(tag: number, multiple: boolean): void {
    const last = this.#acked.length - 1;
    if (multiple && (this.#acked[last] ?? 0) < 0) this.#acked[last] = Math.min(this.#acked[last]!, -tag);
    else this.#acked.push(multiple ? -tag : tag);
  }

  /** A check was written. */
  checkSent(): void {
    this.#asked.push(this.#acked);
    this.#acked = [];
  }

  /** The oldest pending check has found everything in place. */
  checkAnswered(): void {
    for (const tag of this.#asked.shift() ?? []) this.#confirmed(Math.abs(tag), tag < 0);
  }
}
