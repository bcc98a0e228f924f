/** How many messages published to a client Bun writes at once. With one more, it writes in between. */
const messagesMax = 32;
/** From this many deliveries on, writing a batch takes longer than handling the input that led to it (docs/decisions.md has figures). */
const costlyDeliveries = 100 * messagesMax;
/**
 * How many publishes a batch may have beyond one for each piece of input. A message has one for each of its audiences, and most have a
 * single audience. Each takes up to five microseconds, most of that when Bun writes, so the time that has passed does not tell.
 */
const furtherPublishesMax = 1024;

/** A piece of input that led to this many deliveries may have taken as long as dozens of others. */
const manyDeliveries = 256;

/** Counts what was delivered so far. */
export interface Deliveries {
  /** How many messages were sent to clients: one message to a thousand clients counts a thousand. */
  readonly deliveredCount: number;
  /** How many publishes that took: a message to a thousand clients counts once for each of its audiences. */
  readonly publishedCount: number;
  /** Whether so much waits to be published that clients' input has to wait. */
  readonly isFull: boolean;
}

/**
 * The messages that Bun writes to each client at once: those published since it last wrote to all. Continuing after a batch is full costs
 * two writes to each client: one in between, and one for the few messages after it. With many clients these writes are nearly all of the
 * work, so relaying is fastest if each batch is full.
 */
export class Batch {
  readonly #deliveries: Deliveries;
  #deliveredBefore = 0;
  #publishedBefore = 0;
  #pieces = 0;
  /** What was delivered before the last piece. */
  #deliveredBeforeLast = 0;

  constructor(deliveries: Deliveries) {
    this.#deliveries = deliveries;
  }

  /** Whether no input may be handled until some of what waits is published. */
  get isStopped(): boolean {
    return this.#deliveries.isFull;
  }

  /** Begins a batch: Bun has written to all clients, or will before anything else is published. */
  begin(): void {
    this.#pieces = 0;
    this.#deliveredBefore = this.#deliveries.deliveredCount;
    this.#publishedBefore = this.#deliveries.publishedCount;
  }

  /** A piece of input is handled, which may be a message. */
  add(): void {
    this.#pieces++;
    this.#deliveredBeforeLast = this.#deliveries.deliveredCount;
  }

  /** Whether much was delivered since the last piece was added. */
  get hasGrown(): boolean {
    return this.#deliveries.deliveredCount - this.#deliveredBeforeLast >= manyDeliveries;
  }

  /** Whether the batch is full and costly to write. It is cheap if few clients got what is in it. It is also full with very many publishes. */
  get isFull(): boolean {
    const { deliveredCount, publishedCount } = this.#deliveries;
    return (
      publishedCount - this.#publishedBefore - this.#pieces >= furtherPublishesMax ||
      (this.#pieces >= messagesMax && deliveredCount - this.#deliveredBefore >= costlyDeliveries)
    );
  }
}
