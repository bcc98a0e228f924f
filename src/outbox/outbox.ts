import { backoffMs } from "../backoff.ts";
import type { Publisher, PublishLink, Refusal } from "../broker/broker.ts";
import { TagWindow } from "../collections/tag-window.ts";
import { messageCostBytes } from "../costs.ts";
import type { Envelope } from "../envelope/envelope.ts";
import type { Sent } from "../envelope/sealing.ts";
import { countSetAside, type SetAside, type Unfit } from "../envelope/set-aside.ts";
import type { Share } from "../envelope/share.ts";
import type { Waiter } from "../envelope/waiter.ts";
import { reasonOf } from "../errors.ts";
import type { OutgoingMessage } from "../message.ts";
import { Histogram } from "../ops/histogram.ts";
import { Backlog, type GivenUp } from "./backlog.ts";
import { Caution } from "./caution.ts";
import { Gathering } from "./gathering.ts";
import { defaultOutboxLimits, type OutboxLimits } from "./limits.ts";

/** After a refusal (basic.nack) the envelope is published again, after a wait. */
const refusalBackoff = { firstMs: 50, mostMs: 5000 } as const;
/** A link on which an envelope is refused this often is given up: on another one the broker may think better of it. */
const refusalsMax = 3;

/** When as much has left the outbox as makes one of so many parts of its cap, those held back for what they have in it are looked at. */
const lightenedParts = 64;

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
 * what was on the wire behind a refused one can get before it. AMQP has no way to take that back.
 *
 * An envelope over which the broker closes the link (`Refusal`) is found out (`Suspicion`) and set aside: it is not sent again,
 * and everything else is, in order. The messages of a pack go one by one then.
 */
export class Outbox implements Publisher {
  readonly #limits: OutboxLimits;
  readonly #backlog: Backlog;
  readonly #window = new TagWindow<Sent>();
  readonly #caution: Caution;
  readonly #gathering = new Gathering();
  #link: PublishLink | undefined;
  #isBlocked = false;
  #bytes = 0;
  /** Of the last link; without limit until there was one. In bytes. */
  #headBytesMax = Number.POSITIVE_INFINITY;
  #wasFull = false;
  /** What has left it since `onLightened` was called. In bytes. */
  #lighter = 0;
  #flushImmediate: NodeJS.Immediate | undefined;
  #lingerTimer: NodeJS.Timeout | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #whenEmpty: (() => void)[] = [];

  /** Called when the outbox was full and has sunk to half of its cap: those held back may go on. */
  onRelieved: () => void = () => undefined;
  /** Called when a part of what waited has been confirmed since it was called last, and when nothing waits any more. */
  onLightened: () => void = () => undefined;
  /** Called for each message that is given up. */
  onSetAside: (message: SetAside) => void = () => undefined;

  /** Messages appended, and messages confirmed, since the start. */
  publishedCount = 0;
  confirmedCount = 0;
  /** Envelopes written to links, those written again among them. */
  envelopeCount = 0;
  readonly setAsideCount = countSetAside();
  /** From `append` to the confirm, in seconds. A pack counts as its first message, as often as it has messages. */
  readonly confirmSeconds = new Histogram({
    name: "warren_confirm_seconds",
    help: "From when a message was handed to the outbox until RabbitMQ has confirmed it.",
  });
  /** When what is appended next was appended, or a little before: the time is taken once for each flush. Undefined: it has to be. */
  #appendedMs: number | undefined;
  #setAsideCount = 0;

  readonly #isPacking: boolean;

  /**
   * @param appId names this process in what it publishes, and makes its message ids unique
   * @param isPacking whether messages travel in packs, over links where each envelope is costly
   */
  constructor(appId: string, isPacking: boolean, limits: Partial<OutboxLimits> = {}) {
    this.#isPacking = isPacking;
    this.#limits = { ...defaultOutboxLimits, ...limits };
    this.#backlog = new Backlog(appId, this.#limits, (given) => this.#giveUp(given));
    this.#caution = new Caution(this.#limits.stallMs);
  }

  /** Envelopes that were written again. */
  get repeatedCount(): number {
    return this.#backlog.repeatedCount;
  }

  /** Bytes that wait, unsent or unconfirmed. */
  get bytes(): number {
    return this.#bytes;
  }

  get waitingCount(): number {
    return this.publishedCount - this.confirmedCount - this.#setAsideCount;
  }

  /** What may still wait beside what does. In bytes; not above zero if it is full. */
  get freeBytes(): number {
    return this.#limits.bytesMax - this.#bytes;
  }

  /** Whoever appends should hold back until `onRelieved`. `append` itself takes what has been read already. */
  get isFull(): boolean {
    return this.#bytes >= this.#limits.bytesMax;
  }

  get isEmpty(): boolean {
    return this.#bytes === 0;
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
      sinceMs: this.#nowMs(),
      share,
    });
    this.#bytes += costBytes;
    this.publishedCount++;
    if (this.isFull) this.#wasFull = true;
    this.#scheduleFlush();
    return number;
  }

  /** The id that the message with this number has, or will have when it is sealed. */
  idOf(number: number): string {
    return this.#backlog.idOf(number);
  }

  /** Why the broker could not carry a message, by what its last link could; undefined if it could. */
  unfitnessOf(message: OutgoingMessage): Unfit | undefined {
    return this.#backlog.unfitnessOf(message, this.#headBytesMax);
  }

  /** Resolves when everything appended so far and since is confirmed, or after `timeoutMs`: true if empty. */
  async drain(timeoutMs: number): Promise<boolean> {
    if (this.isEmpty) return true;
    this.#flush();
    const empty = Promise.withResolvers<void>();
    this.#whenEmpty.push(empty.resolve);
    const timer = setTimeout(empty.resolve, timeoutMs);
    await empty.promise;
    clearTimeout(timer);
    return this.isEmpty;
  }

  /** Stops its timers. What is left in it is lost. */
  close(): void {
    this.closed();
  }

  opened(link: PublishLink): void {
    this.#link = link;
    this.#isBlocked = false;
    this.#headBytesMax = link.headBytesMax;
    this.#flush();
  }

  closed(refusal?: Refusal): void {
    const unwritten = this.#link?.unwritten ?? 0;
    this.#link = undefined;
    this.#backlog.lost(this.#window.reset(), unwritten, refusal);
    this.#caution.reset();
    this.#unschedule();
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
  }

  blocked(isBlocked: boolean): void {
    this.#isBlocked = isBlocked;
    if (!isBlocked) this.#flush();
  }

  confirmed(tag: number, multiple: boolean): void {
    const settled = this.#window.settle(tag, multiple);
    if (settled.length === 0) return;
    const nowMs = performance.now();
    this.#caution.confirmed(nowMs);
    for (const sent of settled) {
      this.confirmSeconds.record((nowMs - sent.sinceMs) / 1000, sent.count);
      this.#bytes -= sent.costBytes;
      this.#lighter += sent.costBytes;
      this.confirmedCount += sent.count;
      for (const waiter of sent.waiters) waiter?.confirmed();
    }
    this.#lightened();
    // A confirm makes room in the window.
    if (!this.#backlog.isEmpty) this.#scheduleFlush();
  }

  refusing(): void {
    this.#caution.refused(performance.now());
  }

  refused(tag: number, multiple: boolean): void {
    const refused = this.#window.settle(tag, multiple);
    if (refused.length === 0) return;
    this.#caution.refused(performance.now());
    for (const sent of refused) sent.refusals++;
    this.#backlog.takeBack(refused);
    const refusals = refused.reduce((most, sent) => Math.max(most, sent.refusals), 0);
    // While it is blocked, the link knows why: another one would not help.
    if (refusals >= refusalsMax && !this.#isBlocked) {
      this.#link?.giveUp(`RabbitMQ refused a message ${refusals} times`);
      this.#link = undefined;
      return;
    }
    this.#retryTimer ??= setTimeout(
      () => {
        this.#retryTimer = undefined;
        this.#flush();
      },
      backoffMs(refusals, refusalBackoff, Math.random()),
    );
  }

  /** @param hasGathered what waits is not to wait for company any more */
  #scheduleFlush(hasGathered = false): void {
    // Without a link, or with a full window, there is nothing to do before the broker is heard of.
    if (this.#link === undefined || this.#isBlocked || this.#retryTimer !== undefined) return;
    if (!this.#backlog.mayTry(this.#window.open)) return;
    if (!this.#caution.mayTry(this.#window.open, this.#windowMax)) return;
    const lingerMs = hasGathered ? 0 : this.#lingerMs;
    if (lingerMs > 0) this.#lingerTimer ??= setTimeout(() => this.#flush(), lingerMs);
    else this.#flushImmediate ??= setImmediate(() => this.#flush());
  }

  /** How long what waits may go on gathering, in milliseconds. */
  get #lingerMs(): number {
    if (this.#backlog.waitingCount >= this.#limits.packCountMax || this.#backlog.hasRepeats) return 0;
    return this.#link?.isCostly ? this.#gathering.lingerMs : 0;
  }

  /** Sends what the window has room for, up to `flushBytesMax`; what is left follows in another turn. */
  #flush(): void {
    this.#unschedule();
    this.#appendedMs = undefined;
    const link = this.#link;
    if (link === undefined || this.#isBlocked || this.#retryTimer !== undefined || this.#backlog.isEmpty)
      return;

    const nowMs = performance.now();
    const { open } = this.#window;
    let allowance = this.#backlog.allowance(open);
    if (allowance > 0) allowance = Math.min(allowance, this.#caution.allowance(open, this.#windowMax, nowMs));
    const sending: Sent[] = [];
    let flushBytes = 0;
    let count = 0;
    while (sending.length < allowance && flushBytes < this.#limits.flushBytesMax && !this.#backlog.isEmpty) {
      const sent = this.#backlog.next(this.#packs(link), link);
      if (sent === undefined) continue;
      sending.push(sent);
      flushBytes += sent.envelope.body.byteLength + (sent.envelope.copies?.bytes ?? 0);
      count += sent.count;
    }
    if (sending.length > 0) {
      // Everything is sealed: from here on nothing fails, so that the window and the wire agree.
      for (const sent of sending) this.#window.add(sent);
      this.envelopeCount += sending.length;
      this.#gathering.sent(count, nowMs);
      this.#send(
        link,
        sending.map(({ envelope }) => envelope),
      );
    }
    // What had no room has gathered long enough.
    if (!this.#backlog.isEmpty) this.#scheduleFlush(true);
  }

  /** A link never throws. Should one do so nevertheless, it may have written a part: it ends, and the envelope at fault is found out. */
  #send(link: PublishLink, envelopes: readonly Envelope[]): void {
    try {
      link.send(envelopes);
    } catch (error) {
      const why = `it cannot be written: ${reasonOf(error)}`;
      this.closed({ reason: "encoding", why, isDoubtful: false });
      link.giveUp(why);
    }
  }

  /** Where a flush is due at once, its time is taken once for all that it sends. */
  #nowMs(): number {
    if (this.#flushImmediate === undefined && this.#lingerTimer === undefined) return performance.now();
    this.#appendedMs ??= performance.now();
    return this.#appendedMs;
  }

  #unschedule(): void {
    clearImmediate(this.#flushImmediate);
    clearTimeout(this.#lingerTimer);
    this.#flushImmediate = undefined;
    this.#lingerTimer = undefined;
  }

  get #windowMax(): number {
    return this.#packs(this.#link) ? this.#limits.packedWindowMax : this.#limits.windowMax;
  }

  #packs(link: PublishLink | undefined): boolean {
    return this.#isPacking && link?.isCostly === true;
  }

  #giveUp({ message, costBytes, waiters }: GivenUp): void {
    this.#bytes -= costBytes;
    this.setAsideCount.add(message.reason);
    this.#setAsideCount++;
    // Not within a flush, which those that wait could disturb.
    queueMicrotask(() => {
      this.onSetAside(message);
      for (const waiter of waiters) waiter?.setAside(message.why);
      this.#lightened();
    });
  }

  /** Lets go of those that wait for the outbox to be less full, or empty. */
  #lightened(): void {
    if (this.#wasFull && this.#bytes <= this.#limits.bytesMax / 2) {
      this.#wasFull = false;
      this.onRelieved();
    }
    if (this.#lighter >= this.#limits.bytesMax / lightenedParts || this.isEmpty) {
      this.#lighter = 0;
      this.onLightened();
    }
    if (this.isEmpty) for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }
}
