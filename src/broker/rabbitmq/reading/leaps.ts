/** Offsets that RabbitMQ takes for records of its own, which no reader sees: one at a time. */
const ownRecordsMax = 1;

/** What becomes of what a reader of the log gets. */
export interface LeapsEvents<Delivery> {
  /** The oldest offset that the log has; undefined if RabbitMQ does not show it soon. */
  oldest(): Promise<number | undefined>;
  /** The next one, in order. */
  next(delivery: Delivery): void;
  /** What came last and what comes next do not follow on one another: the log has dropped what was between them. */
  behindGap(): void;
  /** It cannot be found out whether they do. Nothing comes any more. */
  unsure(): void;
}

/** The record that a reader saw last before it began to read here. */
export interface SeenLast {
  /** Its offset. */
  readonly offset: number;
  /** The log reaches back to this offset, and yet shows nothing there: it is another log. Nothing comes any more. */
  isMissing(): void;
}

/**
 * Finds out whether what a reader of the log gets follows on what it got. When the log drops what is about to be read, RabbitMQ goes on
 * with the oldest that is left, and does not say so (seen with 4.3). Offsets alone do not tell either, since RabbitMQ takes some for
 * records of its own. So where more than one is missing RabbitMQ is asked for the oldest, and what comes meanwhile waits: no more than
 * may be on its way without an acknowledgement.
 *
 * A reader that begins at the record that it saw last gets that record first if it is the same log and still has it. If a later one comes
 * first although the log reaches back far enough, RabbitMQ has taken that offset for a record of its own: it is another log.
 */
export class Leaps<Delivery> {
  readonly #events: LeapsEvents<Delivery>;
  /** Until the log has come to this record. */
  #seenLast: SeenLast | undefined;
  #last: number | undefined;
  /** What waits for the answer; undefined while nothing was asked. */
  #held: { readonly offset: number; readonly delivery: Delivery }[] | undefined;
  #isOver = false;

  constructor(events: LeapsEvents<Delivery>, seenLast?: SeenLast) {
    this.#events = events;
    this.#seenLast = seenLast;
  }

  /** Whether RabbitMQ was asked for the oldest record and has not answered yet. */
  get isAsking(): boolean {
    return this.#held !== undefined;
  }

  /** The next one has come. */
  came(offset: number, delivery: Delivery): void {
    if (this.#isOver) return;
    if (this.#held !== undefined) this.#held.push({ offset, delivery });
    else if (this.#isLeap(offset)) {
      this.#held = [{ offset, delivery }];
      void this.#ask();
    } else this.#take(offset, delivery);
  }

  /** Nothing comes any more. */
  end(): void {
    this.#isOver = true;
    this.#held = undefined;
  }

  #isLeap(offset: number): boolean {
    if (this.#seenLast !== undefined) return offset > this.#seenLast.offset;
    return this.#last !== undefined && offset > this.#last + 1 + ownRecordsMax;
  }

  #take(offset: number, delivery: Delivery): void {
    this.#last = offset;
    if (this.#seenLast !== undefined && offset >= this.#seenLast.offset) this.#seenLast = undefined;
    this.#events.next(delivery);
  }

  async #ask(): Promise<void> {
    // A connection that is lost meanwhile ends the reader as well.
    const oldest = await this.#events.oldest().catch(() => undefined);
    if (this.#isOver) return;
    if (oldest === undefined) {
      this.end();
      this.#events.unsure();
      return;
    }
    const seenLast = this.#seenLast;
    if (seenLast !== undefined && oldest <= seenLast.offset) {
      this.end();
      seenLast.isMissing();
      return;
    }
    const [first, ...others] = this.#held!;
    this.#held = undefined;
    if (seenLast !== undefined || oldest > this.#last! + 1) this.#events.behindGap();
    if (!this.#isOver) this.#take(first!.offset, first!.delivery);
    for (const { offset, delivery } of others) this.came(offset, delivery);
  }
}
