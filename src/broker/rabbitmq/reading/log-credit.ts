/**
 * Deliveries from the log that are on their way before they are acknowledged, which for a stream is only flow control. RabbitMQ sends what was published together,
 * though it be more than that.
 */
export const prefetch = 400;
/** While nothing rests, so many are acknowledged together. */
const ackEvery = 100;
/** Where more than this comes in one step, nothing is gained by steps. */
const perStepMax = prefetch / 2;
/** What a step asks for is less than what should be there by this share of what is published in the time of one. */
const margin = 0.2;
/** After so many steps that used up all that they asked for, one asks for more than there should be, so that it is seen how much there is. */
const countedSteps = 10;
/** Such a step asks besides for what is published in the time of a step, times this. */
const surplus = 1.1;

/**
 * How many records of the log RabbitMQ may send. It wakes a reader of the stream, a channel and a writer for each record that is published, for each
 * follower that it may send something. So while a process reads in steps, with a rest between two, it asks for records in steps too: it acknowledges as
 * many as one is to bring, and RabbitMQ sends that many at once, and then nothing until the next step.
 *
 * RabbitMQ sends one by one what it was asked for and does not have. So a step asks for a little less than what should have come about since the last one. What
 * that is is counted from one moment to the next at which RabbitMQ is seen to have no more.
 */
export class LogCredit {
  readonly #ack: (tag: number) => void;
  #lastTag = 0;
  #ackedTag = 0;
  #isInSteps = false;
  /** How many records are published in the time of a step. */
  #perStep = 0;
  /** Records that should be there and were not sent. */
  #behind = 0;
  /** Steps since RabbitMQ was seen to have no more, and the last tag by then. */
  #steps = 0;
  #drainedTag = 0;
  /** The last tag at the last step. */
  #stepTag = 0;
  /** The last tag when it was looked at last. */
  #lookedTag = 0;

  /** @param ack acknowledges all deliveries up to this tag */
  constructor(ack: (tag: number) => void) {
    this.#ack = ack;
  }

  /** The next delivery: their tags count from 1. */
  delivered(tag: number): void {
    this.#lastTag = tag;
    if (!this.#isInSteps && tag - this.#ackedTag >= ackEvery) this.#ackTo(tag);
  }

  /** All that had come has been read, and a rest begins: RabbitMQ may send what is to be read after it. */
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
    // At least one has to be asked for: else nothing would ever come again.
    this.#ackTo(Math.max(this.#ackedTag + this.#wanted(), this.#lastTag - prefetch + 1));
  }

  /** From now on RabbitMQ sends what it has as soon as it has it. */
  flow(): void {
    if (!this.#isInSteps) return;
    this.#isInSteps = false;
    this.#ackTo(this.#lastTag);
  }

  /** Acknowledges what had come when this was called last. */
  look(): void {
    this.#ackTo(this.#lookedTag);
    this.#lookedTag = this.#lastTag;
  }

  #wanted(): number {
    const late = this.#steps - countedSteps;
    if (late < 0) return Math.floor(this.#behind - margin * this.#perStep);
    return Math.ceil(this.#behind + surplus * this.#perStep * 2 ** late);
  }

  /** RabbitMQ could have sent more, and had no more. */
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
