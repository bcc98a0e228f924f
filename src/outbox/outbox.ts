import { backoffMs } from "../backoff.ts";
import type { Publisher, PublishLink, Refusal } from "../broker/broker.ts";
import { TagWindow } from "../collections/tag-window.ts";
import { messageCostBytes } from "../costs.ts";
import type { Envelope } from "../envelope/envelope.ts";
import type { Sent } from "../envelope/sealing.ts";
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
import { Pace } from "./pace.ts";

/** After a refusal (basic.nack) the envelope is published again, after a wait. */
const refusalBackoff = { firstMs: 50, mostMs: 5000 } as const;
/** A link on which an envelope is refused this often is given up: on another one the broker may think better of it. */
const refusalsMax = 3;

/**
 * Everything that waits for the broker: bounded, in order, in batches.
 *
 * The hot path only calls `append`. Under light load, what was appended in one turn of the event loop is flushed at its end as
 * one write. From a thousand messages a second on, messages gather for some milliseconds (`Gathering`).
 *
 * Senders that have much waiting stand in lines of their own, which take turns with one another and with everybody else (`Lines`).
 *
 * An envelope keeps its id until it is confirmed: it is published again, in order, on each new link. After a refusal nothing
 * is sent until all on the wire are settled; then the refused ones go first, in order, and the first of them alone. So only
 * what was on the wire after a refused one can overtake it. AMQP has no way to take that back.
 *
 * An envelope over which the broker closes the link (`Refusal`) is found out (`Suspicion`) and set aside: it is not sent again,
 * and everything else is, in order. The messages of a pack go one by one then.
 */
export class Outbox implements Publisher {
  readonly #limits: OutboxLimits;
  readonly #backlog: Backlog;
  readonly #window = new TagWindow<Sent>();
  readonly #pace: Pace;
  readonly #link = new CurrentLink(() => this.#flush());
  readonly #timer = new FlushTimer(() => this.#flush());

  /** How many bytes wait, unsent or unconfirmed, and who waits for it to be less so. */
  readonly level: Level;
  /** Called for each message that is given up. */
  onSetAside: (message: SetAside) => void = () => undefined;
  /** What became of its messages. */
  readonly account = new Account();

  /**
   * @param appId names this process in what it publishes, and makes its message ids unique
   * @param isPacking whether messages travel in packs, over links where each envelope is costly
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

  /** Senders should hold back until `level.onRelieved`. `append` itself takes what has been read already. */
  get isFull(): boolean {
    return this.level.isFull;
  }

  get isEmpty(): boolean {
    return this.level.isEmpty;
  }

  /** Envelopes on the wire that are not confirmed. */
  get unconfirmed(): number {
    return this.#window.open;
  }

  /**
   * Takes a message and returns its number, of which `idOf` makes its id. The waiter hears of what becomes of it, not before
   * `append` has returned.
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

  /** Whether all that a sender has appended so far is confirmed, or was given up. It looks at each envelope on the wire. */
  isSettled({ unsentBytes, sealedAt }: Share): boolean {
    if (unsentBytes > 0) return false;
    return (
      !this.#backlog.hasRepeatUpTo(sealedAt) && !this.#window.some(({ sequence }) => sequence <= sealedAt)
    );
  }

  /** Why the broker could not carry a message, by what its last link could; undefined if it could. */
  unfitnessOf(message: OutgoingMessage): Unfit | undefined {
    return this.#backlog.unfitnessOf(message, this.#link.headBytesMax);
  }

  /** Resolves when everything appended so far and since is confirmed, or after `timeoutMs`: true if empty. */
  async drain(timeoutMs: number): Promise<boolean> {
    if (!this.isEmpty) this.#flush();
    return await this.level.emptied(timeoutMs);
  }

  /** Stops its timers. What is left in it is lost. */
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
    // While it is blocked, the link knows why: another one would not help.
    if (refusals >= refusalsMax && this.#link.state !== "blocked") {
      this.#link.giveUp(`RabbitMQ refused a message ${refusals} times`);
      return;
    }
    this.#link.cool(backoffMs(refusals, refusalBackoff, Math.random()));
  }

  /** @param hasGathered what waits is not to wait for company any more */
  #scheduleFlush(hasGathered = false): void {
    // Without an open link, or with a full window, there is nothing to do before the broker is heard of.
    if (this.#link.state !== "open") return;
    if (this.#pace.mayTry(this.#window.open)) this.#timer.schedule(hasGathered ? 0 : this.#pace.lingerMs);
  }

  /** Sends what the window has room for, up to `flushBytesMax`; what is left follows in another turn. */
  #flush(): void {
    this.#timer.clear();
    const link = this.#link.open;
    if (link === undefined || this.#backlog.isEmpty) return;

    const nowMs = performance.now();
    const allowance = this.#pace.allowance(this.#window.open, nowMs);
    const sending = this.#backlog.take(allowance, this.#pace.packs, link);
    if (sending.length > 0) {
      // Everything is sealed: from here on nothing fails, so that the window and the wire agree.
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
    // What had no room has gathered long enough.
    if (!this.#backlog.isEmpty) this.#scheduleFlush(true);
  }

  /** A link that cannot write may have written a part: it ends, and the envelope at fault is found out. */
  #send(link: PublishLink, envelopes: readonly Envelope[]): void {
    const why = this.#link.send(envelopes);
    if (why === undefined) return;
    this.closed({ reason: "encoding", why, isDoubtful: false });
    link.giveUp(why);
  }

  #giveUp({ message, costBytes, waiters }: GivenUp): void {
    this.level.remove(costBytes);
    this.account.gaveUp(message);
    // Not within a flush, which those that wait could disturb.
    queueMicrotask(() => {
      this.onSetAside(message);
      for (const waiter of waiters) waiter?.setAside(message.why);
      this.level.settle();
    });
  }
}
