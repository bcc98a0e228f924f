/**
 * How many deliveries from the log may be unacknowledged. For a stream, acknowledging is only flow control. RabbitMQ may exceed this with
 * records that were published together.
 */
export const prefetch = 400;
/** In flow, this many deliveries are acknowledged together. */
const ackEvery = 100;
/** If more than this comes in one step, steps gain nothing. */
const perStepMax = prefetch / 2;
/** A step asks for fewer records than there should be, by this share of what is published in the time of a step. */
const margin = 0.2;
/** After this many steps that got everything they asked for, a step asks for more than there should be, to see how much there is. */
const countedSteps = 10;
/** By how much such a step asks for more: this factor times what is published in the time of a step. */
const surplus = 1.1;

/**
 * Decides how many records of the log RabbitMQ may send. For each published record, and each follower that may get it, RabbitMQ wakes a
 * stream reader, a channel and a writer. So a process that reads in steps, with rests between them, also asks for records in steps: it
 * acknowledges as many as the next step is to bring. RabbitMQ then sends that many at once, and nothing more until the next step.
 *
 * Records that it was asked for and does not have yet, RabbitMQ sends one by one. So a step asks for a little less than what should have
 * been published since the last step. The rate is measured between two moments at which RabbitMQ had no more to send.
 */
export class LogCredit {
  readonly #ack: (tag: number) => void;
  #lastTag = 0;
  #ackedTag = 0;
  #isInSteps = false;
  /** How many records are published in the time of a step. */
  #perStep = 0;
  /** How many records should be there and were not sent. */
  #behind = 0;
  /** How many steps there were since RabbitMQ last had no more, and the last tag at that time. */
  #steps = 0;
  #drainedTag = 0;
  /** The last tag at the last step. */
  #stepTag = 0;
  /** The last tag at the last `look`. */
  #lookedTag = 0;

  /** @param ack acknowledges all deliveries up to this tag */
  constructor(ack: (tag: number) => void) {
    this.#ack = ack;
  }

  /** A delivery has come. Tags count from 1. */
  delivered(tag: number): void {
    this.#lastTag = tag;
    if (!this.#isInSteps && tag - this.#ackedTag >= ackEvery) this.#ackTo(tag);
  }

  /** Everything that has come was read, and a rest begins: RabbitMQ may send what is to be read after the rest. */
  step(): void {
    const came = this.#lastTag - this.#stepTag;
    this.#stepTag = this.#lastTag;
    if (came > perStepMax) {
      this.flow();
      return;
    }
    if (!this.#isInSteps) {
      this.#isInSteps = true;
      this.#drained();
      return;
    }
    this.#steps++;
    if (this.#lastTag - this.#ackedTag < prefetch) {
      this.#perStep = (this.#lastTag - this.#drainedTag) / this.#steps;
      this.#drained();
      return;
    }
    this.#behind = Math.max(0, this.#behind + this.#perStep - came);
    // Ask for at least one record. Otherwise nothing would ever come again.
    this.#ackTo(Math.max(this.#ackedTag + this.#wanted(), this.#lastTag - prefetch + 1));
  }

  /** From now on RabbitMQ sends every record at once. */
  flow(): void {
    if (!this.#isInSteps) return;
    this.#isInSteps = false;
    this.#ackTo(this.#lastTag);
  }

  /** Acknowledges everything that had come by the last call. */
  look(): void {
    this.#ackTo(this.#lookedTag);
    this.#lookedTag = this.#lastTag;
  }

  #wanted(): number {
    const late = this.#steps - countedSteps;
    if (late < 0) return Math.floor(this.#behind - margin * this.#perStep);
    return Math.ceil(this.#behind + surplus * this.#perStep * 2 ** late);
  }

  /** RabbitMQ could have sent more, but had no more. */
  #drained(): void {
    this.#steps = 0;
    this.#behind = 0;
    this.#drainedTag = this.#lastTag;
  }

  #ackTo(tag: number): void {
    const came = Math.min(tag, this.#lastTag);
    if (came <= this.#ackedTag) return;
    this.#ackedTag = came;
    this.#ack(came);
  }
}
