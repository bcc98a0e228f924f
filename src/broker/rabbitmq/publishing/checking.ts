import type { ConfirmChannel } from "amqplib";
import { untilTick } from "../../../ops/ticks.ts";
import { checkFrames, type Needed } from "../frames/check-frames.ts";
import { answersOn, channelNumber } from "../frames/innards.ts";
import { CheckedConfirms } from "./checked-confirms.ts";

/** How long confirms are gathered before a check about them, in milliseconds: each check costs RabbitMQ as much as some messages. */
const gatherMs = 5;
/** While messages are published it is looked this often whether all is there, also if no confirm comes, in milliseconds. */
const busyEveryMs = 100;
/** How often it looks while nothing is published, in milliseconds. */
const idleEveryMs = 1000;
/** How long it counts as busy after the last message, in milliseconds. */
const busyForMs = 2000;

const nothing = new Uint8Array();

/** What a check needs. */
export interface CheckingOptions {
  /** What has to be there: the same object as long as it does not change. */
  needed(): Needed;
  /** How long something that is missing stays so, in milliseconds. */
  readonly missedForMs: number;
  /** Hears of the confirms that count, as `Publisher.confirmed`. */
  confirmed(tag: number, multiple: boolean): void;
  /** Writes to the socket. */
  write(frames: Uint8Array): void;
  /** Called each time that it looks, between ten times a second and once. */
  looked(nowMs: number): void;
}

/**
 * Asks on a publishing channel, before a message and after its confirm, whether its queues and exchanges are there. If one is
 * not, RabbitMQ closes the channel, and the publisher publishes again whatever has no confirm that counts.
 *
 * A queue that goes and is declared again between two checks is not seen. So Warren leaves what it misses missing for a while
 * (`missedForMs`), and checks more often than that from a message to its confirm.
 */
export class Checking {
  readonly #options: CheckingOptions;
  readonly #channelNumber: number;
  readonly #confirms: CheckedConfirms;
  readonly #expectAnswer: () => void;
  #looking: NodeJS.Timeout;
  /** How long it waits until it looks again, in milliseconds. */
  #lookMs: number = busyEveryMs;
  #gathering: NodeJS.Timeout | undefined;
  #hasEnded = false;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #publishedAtMs = Number.NEGATIVE_INFINITY;
  #needed: Needed | undefined;
  /** The frames of the questions: those that get no answer, and those that get one. */
  #silent: Uint8Array = nothing;
  #answered: Uint8Array = nothing;

  constructor(channel: ConfirmChannel, options: CheckingOptions) {
    this.#options = options;
    this.#channelNumber = channelNumber(channel);
    this.#confirms = new CheckedConfirms(options.confirmed);
    this.#expectAnswer = answersOn(channel, () => this.#confirms.checkAnswered());
    this.#renew();
    channel.on("ack", ({ deliveryTag, multiple }) => {
      this.#confirms.acked(deliveryTag, multiple);
      const waitMs = Math.max(0, gatherMs - (performance.now() - this.#askedAtMs));
      this.#gathering ??= setTimeout(() => this.ask(), waitMs);
    });
    this.#looking = setTimeout(() => this.#look(), this.#lookMs);
  }

  /** Messages are about to be written. Returns the frames to write before them, in the same piece. */
  beforePublishing(): Uint8Array {
    const nowMs = performance.now();
    this.#publishedAtMs = nowMs;
    if (this.#lookMs !== busyEveryMs) this.#lookIn(busyEveryMs);
    if (nowMs - this.#askedAtMs < this.#options.missedForMs / 2) return nothing;
    this.#askedAtMs = nowMs;
    return this.#silent;
  }

  /** Asks now. What is missing closes the channel. */
  ask(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    this.#askedAtMs = performance.now();
    this.#renew();
    this.#confirms.checkSent();
    this.#expectAnswer();
    this.#options.write(this.#answered);
  }

  /** The channel is gone. */
  end(): void {
    clearTimeout(this.#looking);
    clearTimeout(this.#gathering);
    this.#hasEnded = true;
  }

  #look(): void {
    const nowMs = performance.now();
    const isBusy = nowMs - this.#publishedAtMs < busyForMs;
    // By the clock, one look may be a little less than a second after the other.
    const isDue = nowMs - this.#askedAtMs >= (isBusy ? busyEveryMs : idleEveryMs / 2);
    // A RabbitMQ that does not answer is asked once.
    if (isDue && this.#confirms.asked === 0) this.ask();
    this.#options.looked(nowMs);
    this.#lookIn(isBusy ? busyEveryMs : idleEveryMs);
  }

  #lookIn(ms: number): void {
    clearTimeout(this.#looking);
    this.#lookMs = ms;
    if (this.#hasEnded) return;
    const inMs = ms === idleEveryMs ? untilTick(performance.now(), ms) : ms;
    this.#looking = setTimeout(() => this.#look(), inMs);
  }

  #renew(): void {
    const needed = this.#options.needed();
    if (needed === this.#needed) return;
    this.#needed = needed;
    this.#silent = checkFrames(needed, this.#channelNumber, false);
    this.#answered = checkFrames(needed, this.#channelNumber, true);
  }
}
