import type { PublishLink, Refusal } from "../broker/broker.ts";
import { unfitnessOf } from "../envelope/fitness.ts";
import { inOrder, isPacked, type Sent, takeApart, type Waiting } from "../envelope/sealing.ts";
import type { SetAside, Unfit } from "../envelope/set-aside.ts";
import type { Waiter } from "../envelope/waiter.ts";
import { reasonOf } from "../errors.ts";
import type { OutgoingMessage } from "../message.ts";
import type { OutboxLimits } from "./limits.ts";
import { Sealer, Unsealable } from "./sealer.ts";
import { closesMaxOf, Suspicion } from "./suspicion.ts";

/** A message that will not be sent, and what waited for its confirm. */
export interface GivenUp {
  /** What is reported of it. */
  readonly message: SetAside;
  /** What it took in memory, in bytes. */
  readonly costBytes: number;
  /** Those that waited for its confirm. */
  readonly waiters: readonly (Waiter | undefined)[];
}

/** The properties of a link that limit what it can carry. */
export type LinkForm = Pick<PublishLink, "headBytesMax" | "takesCopies">;

/**
 * What is still to be sent: first the envelopes that were refused or cut off, in the order of first sending, then messages that were never
 * sent. It gives up what cannot be sent, and finds out which envelope made the broker close a link. No I/O.
 */
export class Backlog {
  readonly #appId: string;
  readonly #longestId: string;
  readonly #limits: OutboxLimits;
  readonly #sealer: Sealer;
  readonly #suspicion = new Suspicion();
  readonly #onGivenUp: (given: GivenUp) => void;
  #again: Sent[] = [];

  /** Envelopes that were sent again. */
  repeatedCount = 0;

  constructor(appId: string, limits: OutboxLimits, onGivenUp: (given: GivenUp) => void) {
    this.#appId = appId;
    this.#limits = limits;
    this.#sealer = new Sealer(appId, limits);
    this.#longestId = this.#sealer.idOf(Number.MAX_SAFE_INTEGER);
    this.#onGivenUp = onGivenUp;
  }

  get isEmpty(): boolean {
    return this.#sealer.length === 0 && this.#again.length === 0;
  }

  /** Whether something is to be sent again. */
  get hasRepeats(): boolean {
    return this.#again.length > 0;
  }

  /** Whether an envelope with this sequence number, or an earlier one, is to be sent again. */
  hasRepeatUpTo(sequence: number): boolean {
    return this.#again.some((sent) => sent.sequence <= sequence);
  }

  /** Messages that were never sent. */
  get waitingCount(): number {
    return this.#sealer.length;
  }

  idOf(number: number): string {
    return this.#sealer.idOf(number);
  }

  /** Why the broker could not carry a message as a plain envelope; undefined if it could. */
  unfitnessOf({ topic, clientId, headers, id }: OutgoingMessage, headBytesMax: number): Unfit | undefined {
    const messageId = id ?? this.#longestId;
    const head = { routingKey: topic, clientId, headers, messageId, appId: this.#appId };
    return unfitnessOf({ ...head, contentType: undefined, timestamp: undefined }, headBytesMax);
  }

  /** Returns the message's number. */
  push(waiting: Waiting): number {
    return this.#sealer.push(waiting);
  }

  /** These envelopes were refused, and are to be sent again. */
  takeBack(sent: readonly Sent[]): void {
    this.#again = inOrder([...this.#again, ...sent]);
  }

  /**
   * The link was lost, with these envelopes unconfirmed on it.
   *
   * @param unwritten how many of these, the last ones, the link had not written
   * @param refusal the broker closed it over one of them
   */
  lost(open: readonly Sent[], unwritten: number, refusal: Refusal | undefined): void {
    this.#suspicion.reset();
    this.takeBack(open);
    // Refusals by another link say nothing about the next one.
    for (const sent of this.#again) sent.refusals = 0;
    if (refusal === undefined) return;
    const culprit = this.#suspicion.accuse(open.slice(0, open.length - unwritten));
    if (culprit === undefined) return;
    if (isPacked(culprit)) this.#takeApart(culprit);
    else if (culprit.closes >= closesMaxOf(refusal)) {
      this.#again.splice(this.#again.indexOf(culprit), 1);
      this.#giveUp(culprit, refusal);
    }
  }

  /** Whether anything may be sent before the broker settles another envelope, while `open` are unconfirmed. */
  mayTry(open: number): boolean {
    return this.#suspicion.mayTry(this.#again[0], open);
  }

  /** How many envelopes may be sent before the broker has settled another one, while `open` are unconfirmed. */
  allowance(open: number): number {
    return this.#suspicion.allowance(this.#again, open);
  }

  /** Takes what is to be sent next over this link: at most `allowance` envelopes, of about `flushBytesMax` at most. */
  take(allowance: number, isPacking: boolean, link: LinkForm): readonly Sent[] {
    const taken: Sent[] = [];
    let bytes = 0;
    while (taken.length < allowance && bytes < this.#limits.flushBytesMax && !this.isEmpty) {
      const sent = this.#next(isPacking, link);
      if (sent === undefined) continue;
      taken.push(sent);
      bytes += sent.envelope.body.byteLength + (sent.envelope.copies?.bytes ?? 0);
    }
    return taken;
  }

  /**
   * Takes one envelope to be sent next over this link. Returns undefined if there is none, or if it cannot be sent as it is: then it was
   * given up, or taken apart to be sent in parts.
   */
  #next(isPacking: boolean, { headBytesMax, takesCopies = false }: LinkForm): Sent | undefined {
    const repeated = this.#again.shift();
    const sent = repeated ?? this.#seal(isPacking, headBytesMax, takesCopies);
    if (sent === undefined) return undefined;
    if (repeated !== undefined && isPacked(repeated) && !areCopiesFit(repeated, headBytesMax)) {
      // The previous link could carry larger headers.
      this.#again.unshift(...takeApart(repeated, this.#sealer.sealing(takesCopies)));
      return undefined;
    }
    const unfit = unfitnessOf(sent.envelope, headBytesMax);
    if (unfit !== undefined) {
      this.#giveUp(sent, unfit);
      return undefined;
    }
    if (repeated !== undefined) this.repeatedCount++;
    this.#suspicion.sent(sent);
    return sent;
  }

  #seal(isPacking: boolean, headBytesMax: number, hasCopies: boolean): Sent | undefined {
    const isFit = (message: OutgoingMessage) => this.unfitnessOf(message, headBytesMax) === undefined;
    try {
      return this.#sealer.next({ isPacking, hasCopies, isFit });
    } catch (error) {
      if (!(error instanceof Unsealable)) throw error;
      const { id, waiting, cause } = error;
      const { topic, clientId } = waiting.message;
      const message = { reason: "encoding", why: reasonOf(cause), id, topic, clientId } as const;
      this.#onGivenUp({ message, costBytes: waiting.costBytes, waiters: [waiting.waiter] });
      return undefined;
    }
  }

  /**
   * Puts the pack's messages in its place, to be sent one by one. If the broker then takes each of them, the pack was too large, so later
   * packs are made smaller.
   */
  #takeApart(packed: Sent): void {
    const hasCopies = packed.envelope.copies !== undefined;
    const messages = takeApart(packed, this.#sealer.sealing(hasCopies));
    this.#suspicion.suspect(messages);
    this.#again.splice(this.#again.indexOf(packed), 1, ...messages);
    this.#sealer.packBytesMax = Math.min(this.#sealer.packBytesMax, packed.envelope.body.byteLength / 2);
  }

  #giveUp({ envelope, costBytes, waiters }: Sent, unfit: Unfit): void {
    const { messageId, routingKey: topic, clientId } = envelope;
    this.#sealer.packBytesMax = this.#limits.packBytesMax;
    this.#onGivenUp({ message: { ...unfit, id: messageId!, topic, clientId }, costBytes, waiters });
  }
}

function areCopiesFit({ envelope: { copies } }: Sent, headBytesMax: number): boolean {
  return copies?.envelopes.every((copy) => unfitnessOf(copy, headBytesMax) === undefined) ?? true;
}
