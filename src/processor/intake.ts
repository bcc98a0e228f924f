import type { ConsumeSession } from "../broker/broker.ts";
import { headersCostBytes, ownBytes } from "../costs.ts";
import type { Envelope } from "../envelope/envelope.ts";
import type { Message } from "../message.ts";
import { Acks } from "./acks.ts";
import type { Lanes } from "./lanes.ts";

/** What a processor may hold. */
export interface IntakeLimits {
  /** How many deliveries may be held, not counting those in the backlog of a lane. */
  readonly prefetch: number;
  /** How many bytes may be held. */
  readonly prefetchBytes: number;
}

/** What a delivery takes besides its body and headers, and what each message in it takes, in bytes. */
const deliveryBytes = 512;
const messageBytes = 512;
/** The part of the bytes that must be free before a pause ends. */
const roomAfterPause = 1 / 8;
/** With each further delivery, the largest size that was seen counts this much less. */
const forgetting = 0.999;

/** How many tasks of one lane may wait before the rest is not counted as held: a lane that is delayed must not delay others. */
export function shareOf(prefetch: number): number {
  return Math.max(1, Math.floor(prefetch / 50));
}

/**
 * Decides how many deliveries the broker may send in a session: more when everything that was granted is open, but mostly waits in the
 * backlogs of few lanes, for which all others would have to wait. And none while too many bytes are held.
 */
export class Intake {
  readonly acks: Acks;
  readonly #limits: IntakeLimits;
  readonly #lanes: Pick<Lanes, "backlog">;
  #bytes = 0;
  /** The size of the largest recent delivery. */
  #largestBytes = 1;

  constructor(session: ConsumeSession, limits: IntakeLimits, lanes: Pick<Lanes, "backlog">) {
    this.acks = new Acks(session, limits.prefetch);
    this.#limits = limits;
    this.#lanes = lanes;
  }

  /** How many bytes are held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether so much is held that the broker may soon send nothing more. */
  get isScarce(): boolean {
    return this.acks.isUsedUp(1 / 2) || this.#bytes >= this.#limits.prefetchBytes / 2;
  }

  /** Counts a delivery and its messages, and returns what it costs in bytes. */
  delivered(tag: number, envelope: Envelope, messages: number): number {
    const { body, headers } = envelope;
    const costBytes = body.byteLength + headersCostBytes(headers) + deliveryBytes + messages * messageBytes;
    this.acks.delivered(tag, envelope.messageId);
    this.#bytes += costBytes;
    this.#largestBytes = Math.max(costBytes, this.#largestBytes * forgetting);
    return costBytes;
  }

  done(tag: number, costBytes: number): void {
    this.#bytes -= costBytes;
    this.acks.done(tag);
    this.balance();
  }

  /** Takes more deliveries, or stops taking them. */
  balance(): void {
    const { prefetch, prefetchBytes } = this.#limits;
    const { acks } = this;
    const room = prefetchBytes - this.#bytes;
    if (room <= 0) {
      if (acks.granted > 0) acks.take(0);
      return;
    }
    if (!acks.isUsedUp(1)) return;
    const isPaused = acks.granted === 0;
    if (isPaused && room < prefetchBytes * roomAfterPause) return;
    const held = acks.open - this.#lanes.backlog;
    if (held > prefetch / 2 && !isPaused) return;
    acks.take(Math.max(1, Math.floor(Math.min(prefetch - Math.max(0, held), room / this.#largestBytes))));
  }
}

/** Copies a small body: as a part of what was read from a socket it would keep all of that in memory while it waits. */
export function withOwnBody(message: Message): Message {
  const { body } = message;
  if (typeof body === "string") return message;
  const own = ownBytes(body);
  return own === body ? message : { ...message, body: own };
}
