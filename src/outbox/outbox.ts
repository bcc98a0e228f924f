import { backoffMs } from "../backoff.ts";
import type { Publisher, PublishLink, Refusal } from "../broker/broker.ts";
import { messageCostBytes } from "../costs.ts";
import type { Envelope } from "../envelope/envelope.ts";
import type { SetAside, Unfit } from "../envelope/set-aside.ts";
import type { Share } from "../envelope/share.ts";
import type { Waiter } from "../envelope/waiter.ts";
import type { OutgoingMessage } from "../message.ts";
import { Account } from "./account.ts";
import { Backlog, type GivenUp } from "./backlog.ts";
import { CurrentLink } from "./current-link.ts";
import { FlushTimer } from "./flush-timer.ts";
import { Level } from "./level.ts";
import { defaultOutboxLimits, type OutboxLimits } from "./limits.ts";
import { OnTheWire } from "./on-the-wire.ts";
import { Pace } from "./pace.ts";

/** After a refusal (basic.nack) the envelope is published again, after this wait. */
const refusalBackoff = { firstMs: 50, mostMs: 5000 } as const;
/** A link that has refused one envelope this often is given up: the broker may accept it on another link. */
const refusalsMax = 3;

/**
 * Everything that waits for the broker: bounded, in order, in batches.
 *
 * The hot path only calls `append`. Under light load, everything that was appended in one turn of the event loop is flushed at the turn's
 * end, as one write. From a thousand messages a second on, messages gather for some milliseconds (`Gathering`).
 *
 * Senders that have much waiting get lines of their own, which take turns with one another and with the common line (`Lines`).
 *
 * An envelope keeps its id until it is confirmed, and is published again, in order, on each new link. After a refusal nothing is sent until
 * everything on the wire is settled. Then the refused envelopes go first, in order, and the first of them alone. So only what was on the
 * wire after a refused envelope can overtake it; AMQP has no way to take that back.
 *
 * If the broker closes the link over an envelope (`Refusal`), `Suspicion` finds out which one it was. That one is set aside and not sent
 * again; everything else is, in order. A pack at fault is sent again as single messages first.
 */
export class Outbox implements Publisher {
  readonly #limits: OutboxLimits;
  readonly #backlog: Backlog;
  readonly #window = new OnTheWire();
  readonly #pace: Pace;
  readonly #link = new CurrentLink(() => this.#flush());
  readonly #timer = new FlushTimer(() => this.#flush());

  /** How many bytes wait, unsent or unconfirmed. */
  readonly level: Level;
  /** Called for each message that is given up. */
  onSetAside: (message: SetAside) => void = () => undefined;
  /** Whether its owner needs confirms soon, for which nobody waits otherwise. */
  isPressed: () => boolean = () => false;
  /** What became of its messages. */
  readonly account = new Account();

  /**
   * @param appId the name of this process in what it publishes, which makes its message ids unique
   * @param isPacking whether messages travel in packs, on links where each envelope is costly
   */
  constructor(appId: string, isPacking: boolean, limits: Partial<OutboxLimits> = {}) {
    this.#limits = { ...defaultOutboxLimits, ...limits };
    this.level = new Level(this.#limits.bytesMax);
    this.#backlog = new Backlog(appId, this.#limits, (given) => this.#giveUp(given));
    this.#pace = new Pace(this.#limits, isPacking, this.#backlog, this.#link);
  }

  /** Envelopes that were written again. */
  get repeatedCount(): number {
    return this.#backlog.repeatedCount;
  }

  get waitingCount(): number {
    return this.account.waitingCount;
  }

  /** Whether senders should hold back until `level.onLowWatermark`. `append` itself still takes what was read already. */
  get isFull(): boolean {
    return this.level.isFull;
  }

  get isEmpty(): boolean {
    return this.level.isEmpty;
  }

  /** How many envelopes on the wire are not confirmed. */
  get unconfirmed(): number {
    return this.#window.open;
  }

  get isAwaited(): boolean {
    return this.#window.isAwaited || this.#pace.isTight(this.#window.open) || this.isPressed();
  }

  /**
   * Takes a message and returns its number, from which `idOf` makes its id. The waiter is called when the message is confirmed or given up,
   * but not before `append` has returned.
   *
   * @param waiterBytes what the waiter keeps in memory
   * @param share the sender's, where senders are to be served by turns: those with the same client id are one
   */
  append(message: OutgoingMessage, waiter?: Waiter, waiterBytes = 0, share?: Share): number {
    const costBytes = messageCostBytes(message) + waiterBytes;
    const number = this.#backlog.push({
      message,
      costBytes,
      timestamp: message.timestamp ?? Math.floor(Date.now() / 1000),
      waiter,
      sinceMs: this.#timer.nowMs(),
      share,
    });
    this.level.add(costBytes);
    this.account.publishedCount++;
    this.#scheduleFlush();
    return number;
  }

  /** The id that the message with this number has, or will have when it is sealed. */
  idOf(number: number): string {
    return this.#backlog.idOf(number);
  }

  /** Whether everything that a sender has appended so far is confirmed or was given up. It looks at each envelope on the wire. */
  isSettled({ unsentBytes, sealedAt }: Share): boolean {
    if (unsentBytes > 0) return false;
    return !this.#backlog.hasRepeatUpTo(sealedAt) && !this.#window.hasUpTo(sealedAt);
  }

  /** Why the broker could not carry a message on its last link; undefined if it could. */
  unfitnessOf(message: OutgoingMessage): Unfit | undefined {
    return this.#backlog.unfitnessOf(message, this.#link.headBytesMax);
  }

  /** Resolves when the outbox is empty, or after `timeoutMs`: true if it is empty. */
  async drain(timeoutMs: number): Promise<boolean> {
    if (!this.isEmpty) this.#flush();
    return await this.level.emptied(timeoutMs);
  }

  /** Stops the timers. What is left in the outbox is lost. */
  close(): void {
    this.closed();
  }

  opened(link: PublishLink): void {
    this.#link.opened(link);
  }

  closed(refusal?: Refusal): void {
    const unwritten = this.#link.closed();
    this.#backlog.lost(this.#window.reset(), unwritten, refusal);
    this.#pace.reset();
    this.#timer.clear();
  }

  drained(): void {
    this.#link.drained();
  }

  blocked(isBlocked: boolean): void {
    this.#link.blocked(isBlocked);
  }

  confirmed(tag: number, multiple: boolean): void {
    const settled = this.#window.settle(tag, multiple);
    if (settled.length === 0) return;
    const nowMs = performance.now();
    this.#pace.confirmed(nowMs);
    for (const sent of settled) {
      this.account.confirmed(sent, nowMs);
      this.level.remove(sent.costBytes);
      for (const waiter of sent.waiters) waiter?.confirmed();
    }
    this.level.settle();
    // A confirm makes room in the window.
    if (!this.#backlog.isEmpty) this.#scheduleFlush();
  }

  refusing(): void {
    this.#pace.refused(performance.now());
  }

  refused(tag: number, multiple: boolean): void {
    const refused = this.#window.settle(tag, multiple);
    if (refused.length === 0) return;
    this.#pace.refused(performance.now());
    for (const sent of refused) sent.refusals++;
    this.#backlog.takeBack(refused);
    const refusals = refused.reduce((most, sent) => Math.max(most, sent.refusals), 0);
    // A blocked link knows the cause already, and another link would not help.
    if (refusals >= refusalsMax && this.#link.state !== "blocked") {
      this.#link.giveUp(`RabbitMQ refused a message ${refusals} times`);
      return;
    }
    this.#link.cool(backoffMs(refusals, refusalBackoff, Math.random()));
  }

  /** @param hasGathered send at once, without waiting for more messages */
  #scheduleFlush(hasGathered = false): void {
    // Without an open link, or with a full window, the broker has to act first.
    if (this.#link.state !== "open") return;
    if (this.#pace.mayTry(this.#window.open)) this.#timer.schedule(hasGathered ? 0 : this.#pace.lingerMs);
  }

  /** Sends what the window has room for, up to `flushBytesMax`. The rest follows in another turn of the event loop. */
  #flush(): void {
    this.#timer.clear();
    const link = this.#link.open;
    if (link === undefined || this.#backlog.isEmpty) return;

    const nowMs = performance.now();
    const allowance = this.#pace.allowance(this.#window.open, nowMs);
    const sending = this.#backlog.take(allowance, this.#pace.packs, link);
    if (sending.length > 0) {
      // Everything is sealed. Nothing fails from here on, so the window and the wire agree.
      for (const sent of sending) this.#window.add(sent);
      this.account.envelopeCount += sending.length;
      this.#pace.sent(
        sending.reduce((sum, { count }) => sum + count, 0),
        nowMs,
      );
      this.#send(
        link,
        sending.map(({ envelope }) => envelope),
      );
    }
    // What had no room in the window need not gather any longer.
    if (!this.#backlog.isEmpty) this.#scheduleFlush(true);
  }

  /** Sends envelopes. A link that fails may have written a part of them: it ends, and `Suspicion` finds the envelope at fault. */
  #send(link: PublishLink, envelopes: readonly Envelope[]): void {
    const why = this.#link.send(envelopes);
    if (why === undefined) return;
    this.closed({ reason: "encoding", why, isDoubtful: false });
    link.giveUp(why);
  }

  #giveUp({ message, costBytes, waiters }: GivenUp): void {
    this.level.remove(costBytes);
    this.account.gaveUp(message);
    // Not within a flush: the waiters' callbacks could disturb it.
    queueMicrotask(() => {
      this.onSetAside(message);
      for (const waiter of waiters) waiter?.setAside(message.why);
      this.level.settle();
    });
  }
}
