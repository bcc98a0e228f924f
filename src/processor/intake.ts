import type { ConsumeSession } from "../broker/broker.ts";
import { headersCostBytes, ownBytes } from "../costs.ts";
import type { Envelope } from "../envelope/envelope.ts";
import type { Message } from "../message.ts";
import { Acks } from "./acks.ts";
import type { Lanes } from "./lanes.ts";

/** What a processor may hold. */
export interface IntakeLimits {
  /** Deliveries that are held, those not counted that wait in the backlog of a lane. */
  readonly prefetch: number;
  /** Bytes of all that is held. */
  readonly prefetchBytes: number;
}

/** What a delivery keeps besides its body and headers, and what each message in it keeps, in bytes. */
const deliveryBytes = 512;
const messageBytes = 512;
/** The part of the bytes that must be free before a pause ends. */
const roomAfterPause = 1 / 8;
/** How much of the largest size that was seen counts after one more delivery. */
const forgetting = 0.999;

/** Tasks that one lane may have waiting before the rest does not count as held: what its own lane delays must not delay others. */
export function shareOf(prefetch: number): number {
  return Math.max(1, Math.floor(prefetch / 50));
}

/**
 * What one session holds, and when the broker may send more: when what it has granted is all open, but mostly waits in the
 * backlog of few lanes, so that everybody else would wait for these. And not while it holds too many bytes.
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

  /** Bytes of all that is held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Counts a delivery, with the number of its messages, and returns what it costs in bytes. */
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

  /** Takes more, or stops taking. */
  balance(): void {
    const { prefetch, prefetchBytes } = this.#limits;
    const { acks } = this;
    const room = prefetchBytes - this.#bytes;
    if (room <= 0) {
      if (acks.granted > 0) acks.take(0);
      return;
    }
    if (!acks.isUsedUp) return;
    const isPaused = acks.granted === 0;
    if (isPaused && room < prefetchBytes * roomAfterPause) return;
    const held = acks.open - this.#lanes.backlog;
    if (held > prefetch / 2 && !isPaused) return;
    acks.take(Math.max(1, Math.floor(Math.min(prefetch - Math.max(0, held), room / this.#largestBytes))));
  }
}

/** A small body that is a part of what was read from a socket would keep all of that alive while it waits. */
export function withOwnBody(message: Message): Message {
  const { body } = message;
  if (typeof body === "string") return message;
  const own = ownBytes(body);
  return own === body ? message : { ...message, body: own };
}
