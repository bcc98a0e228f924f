import type { ConfirmChannel } from "amqplib";
import { untilTick } from "../../../ops/ticks.ts";
import { checkFrames, type Needed } from "../frames/check-frames.ts";
import { answersOn, channelNumber } from "../frames/innards.ts";
import { CheckedConfirms } from "./checked-confirms.ts";

/**
 * How long confirms are gathered before they are checked, in milliseconds: if somebody waits for one, and if nobody does. Each check costs
 * RabbitMQ as much as some messages.
 */
const [awaitedMs, patientMs] = [5, 25];
/** While messages are published, the interval between checks, even if no confirm comes. In milliseconds. */
const busyEveryMs = 100;
/** The interval between checks while nothing is published. In milliseconds. */
const idleEveryMs = 1000;
/** How long publishing counts as going on after the last message, in milliseconds. */
const busyForMs = 2000;

const nothing = new Uint8Array();

/** What a check needs. */
export interface CheckingOptions {
  /** The exchanges and queues that have to exist: the same object as long as nothing changes. */
  needed(): Needed;
  /** How long something that has gone stays missing, in milliseconds. */
  readonly missedForMs: number;
  /** Whether anybody waits for a confirm. */
  isAwaited(): boolean;
  /** Called for confirms that count, like `Publisher.confirmed`. */
  confirmed(tag: number, multiple: boolean): void;
  /** Writes frames to the socket. */
  write(frames: Uint8Array): void;
  /** Called at each check, one to ten times a second. */
  looked(nowMs: number): void;
}

/**
 * Checks on a publishing channel, before a message and after its confirm, whether its queues and exchanges exist. If one does not, RabbitMQ
 * closes the channel, and the publisher publishes everything again for which no confirm counts.
 *
 * A queue that goes and is declared again between two checks would not be noticed. So Warren leaves what has gone missing for a while
 * (`missedForMs`), and checks more often than that between a message and its confirm.
 */
export class Checking {
  readonly #options: CheckingOptions;
  readonly #channelNumber: number;
  readonly #confirms: CheckedConfirms;
  readonly #expectAnswer: () => void;
  #looking: NodeJS.Timeout;
  /** The interval until the next check, in milliseconds. */
  #lookMs: number = busyEveryMs;
  #gathering: NodeJS.Timeout | undefined;
  /** Whether confirms are gathered for as long as nobody waits for one. */
  #isPatient = false;
  #hasEnded = false;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #publishedAtMs = Number.NEGATIVE_INFINITY;
  #needed: Needed | undefined;
  /** The frames of the questions that get no answer, and of those that do. */
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
      this.#gather();
    });
    this.#looking = setTimeout(() => this.#look(), this.#lookMs);
  }

  /** Messages are about to be written. Returns frames to write before them, in the same piece. */
  beforePublishing(): Uint8Array {
    const nowMs = performance.now();
    this.#publishedAtMs = nowMs;
    if (this.#lookMs !== busyEveryMs) this.#lookIn(busyEveryMs);
    if (nowMs - this.#askedAtMs < this.#options.missedForMs / 2) return nothing;
    this.#askedAtMs = nowMs;
    return this.#silent;
  }

  /** Checks now. If something is missing, RabbitMQ closes the channel. */
  ask(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    this.#askedAtMs = performance.now();
    this.#renew();
    this.#confirms.checkSent();
    this.#expectAnswer();
    this.#options.write(this.#answered);
  }

  /** The channel has ended. */
  end(): void {
    clearTimeout(this.#looking);
    clearTimeout(this.#gathering);
    this.#hasEnded = true;
  }

  #gather(): void {
    if (this.#gathering !== undefined && !this.#isPatient) return;
    const isPatient = !this.#options.isAwaited();
    if (this.#gathering !== undefined && isPatient) return;
    clearTimeout(this.#gathering);
    this.#isPatient = isPatient;
    const sinceMs = performance.now() - this.#askedAtMs;
    this.#gathering = setTimeout(
      () => this.ask(),
      Math.max(0, (isPatient ? patientMs : awaitedMs) - sinceMs),
    );
  }

  #look(): void {
    const nowMs = performance.now();
    const isBusy = nowMs - this.#publishedAtMs < busyForMs;
    // The clock may show a little less than a second between two checks.
    const isDue = nowMs - this.#askedAtMs >= (isBusy ? busyEveryMs : idleEveryMs / 2);
    // While RabbitMQ does not answer, one check is enough.
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
