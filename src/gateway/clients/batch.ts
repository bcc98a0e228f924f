/** Bun writes to a client once for this many messages that are published to it. At one more it writes in between. */
const messagesMax = 32;
/** From this many deliveries on, writing a batch takes longer than obeying what it is made of: some 9 µs for each client. */
const costlyDeliveries = 100 * messagesMax;

/** Knows what has been delivered so far. */
export interface Deliveries {
  /** Messages that were sent to clients: one to a thousand of them counts a thousand. */
  readonly deliveredCount: number;
}

/**
 * What Bun writes to each client as one: what was published since it last wrote to all. To go on after a batch is full costs two writes to
 * each client: one in between, and one for the few messages that come after it. Where clients are many, these writes are nearly all
 * of the work, and relaying is fastest if each batch is full.
 */
export class Batch {
  readonly #deliveries: Deliveries;
  #deliveredBefore = 0;
  #pieces = 0;

  constructor(deliveries: Deliveries) {
    this.#deliveries = deliveries;
  }

  /** Bun has written to all, or does so before anything else is published. */
  begin(): void {
    this.#pieces = 0;
    this.#deliveredBefore = this.#deliveries.deliveredCount;
  }

  /** A piece of input is obeyed, which may be a message. */
  add(): void {
    this.#pieces++;
  }

  /** Whether it is full, and costly to write: not if few clients got what is in it. */
  get isFull(): boolean {
    return (
      this.#pieces >= messagesMax &&
      this.#deliveries.deliveredCount - this.#deliveredBefore >= costlyDeliveries
    );
  }
}
