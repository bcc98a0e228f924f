import { messageCostBytes } from "../costs.ts";
import type { OutgoingMessage } from "../message.ts";
import { backoffMs } from "./backoff.ts";
import type { Envelope, Publisher, PublishLink } from "./broker.ts";
import { Caution } from "./caution.ts";
import { Deque } from "./deque.ts";
import { Gathering } from "./gathering.ts";
import { defaultOutboxLimits, type OutboxLimits } from "./outbox-limits.ts";
import { inOrder, type Sent, sealOne, sealPacked, type Waiting } from "./sealing.ts";
import { TagWindow } from "./tag-window.ts";

/** After a refusal (basic.nack) the envelope is published again, after a wait. */
const refusalBackoff = { firstMs: 50, mostMs: 5000 } as const;
/** A link on which an envelope is refused this often is given up: on another one the broker may think better of it. */
const refusalsMax = 3;

/**
 * Everything that waits for the broker: bounded, in order, in batches.
 *
 * The hot path only calls `append`. Under light load, what was appended in one turn of the event loop is flushed at its end as
 * one write. From a thousand messages a second on, messages gather for some milliseconds (`Gathering`), and with packing for
 * one at least while an earlier envelope is unconfirmed.
 *
 * An envelope keeps its id until it is confirmed: it is published again, in order, on each new link. After a refusal nothing
 * is sent until all on the wire are settled; then the refused ones go first, in order, and the first of them alone. So only
 * what was on the wire behind a refused one can get before it. AMQP has no way to take that back.
 */
export class Outbox implements Publisher {
  readonly #limits: OutboxLimits;
  readonly #appId: string;
  readonly #waiting = new Deque<Waiting>();
  readonly #window = new TagWindow<Sent>();
  /** Refused or cut off: to be sent in order, before anything that waits. */
  #again: Sent[] = [];
  readonly #caution: Caution;
  readonly #gathering = new Gathering();
  #link: PublishLink | undefined;
  #isBlocked = false;
  #bytes = 0;
  #sequence = 0;
  #wasFull = false;
  #flushImmediate: NodeJS.Immediate | undefined;
  #lingerTimer: NodeJS.Timeout | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #whenEmpty: (() => void)[] = [];

  /** Called when the outbox was full and has sunk to half of its cap: those held back may go on. */
  onRelieved: () => void = () => undefined;

  /** Messages appended, and messages confirmed, since the start. */
  publishedCount = 0;
  confirmedCount = 0;
  /** Envelopes written to links, those written again among them. */
  envelopeCount = 0;
  repeatedCount = 0;

  /** Whether messages that wait together travel as one packed envelope. It may change at any time. */
  isPacking: boolean;

  /** @param appId names this process in what it publishes, and makes its message ids unique */
  constructor(appId: string, isPacking: boolean, limits: Partial<OutboxLimits> = {}) {
    this.#appId = appId;
    this.isPacking = isPacking;
    this.#limits = { ...defaultOutboxLimits, ...limits };
    this.#caution = new Caution(this.#limits.stallMs);
  }

  /** Bytes that wait, unsent or unconfirmed. */
  get bytes(): number {
    return this.#bytes;
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
   * Takes a message and returns its number, of which `idOf` makes its id. `onConfirmed` is called once, when the broker has
   * confirmed it, and not before `append` has returned.
   *
   * @param waiterBytes what `onConfirmed` keeps in memory
   */
  append(message: OutgoingMessage, onConfirmed?: () => void, waiterBytes = 0): number {
    const costBytes = messageCostBytes(message) + waiterBytes;
    this.#waiting.push({ message, costBytes, timestamp: Math.floor(Date.now() / 1000), onConfirmed });
    this.#bytes += costBytes;
    this.publishedCount++;
    if (this.isFull) this.#wasFull = true;
    this.#scheduleFlush();
    // Messages are sealed in the order in which they were appended, and numbered in it.
    return this.publishedCount;
  }

  /** The id that the message with this number has, or will have when it is sealed. */
  idOf(number: number): string {
    return `${this.#appId}-${number}`;
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
    this.#flush();
  }

  closed(): void {
    this.#link = undefined;
    this.#again = inOrder([...this.#window.reset(), ...this.#again]);
    // How often another link refused it says nothing about the next one.
    for (const sent of this.#again) sent.refusals = 0;
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
    this.#caution.confirmed(performance.now());
    for (const sent of settled) {
      this.#bytes -= sent.costBytes;
      this.confirmedCount += sent.count;
      for (const onConfirmed of sent.onConfirmed) onConfirmed();
    }
    if (this.#wasFull && this.#bytes <= this.#limits.bytesMax / 2) {
      this.#wasFull = false;
      this.onRelieved();
    }
    if (this.isEmpty) {
      for (const resolve of this.#whenEmpty.splice(0)) resolve();
    }
    // A confirm makes room in the window, and with packing it ends the linger.
    if (this.#waiting.length > 0 || this.#again.length > 0) this.#scheduleFlush();
  }

  refused(tag: number, multiple: boolean): void {
    const refused = this.#window.settle(tag, multiple);
    if (refused.length === 0) return;
    this.#caution.refused(performance.now());
    for (const sent of refused) sent.refusals++;
    this.#again = inOrder([...this.#again, ...refused]);
    const refusals = Math.max(...refused.map((sent) => sent.refusals));
    if (refusals >= refusalsMax) {
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
    if (!this.#caution.mayTry(this.#window.open, this.#windowMax)) return;
    const lingerMs = hasGathered ? 0 : this.#lingerMs;
    if (lingerMs > 0) this.#lingerTimer ??= setTimeout(() => this.#flush(), lingerMs);
    else this.#flushImmediate ??= setImmediate(() => this.#flush());
  }

  /** How long what waits may go on gathering, in milliseconds. */
  get #lingerMs(): number {
    const { packCountMax, packLingerMs } = this.#limits;
    if (this.#waiting.length >= packCountMax || this.#again.length > 0) return 0;
    const forPack = this.isPacking && this.#window.open > 0 ? packLingerMs : 0;
    return this.#link?.isCostly ? Math.max(forPack, this.#gathering.lingerMs) : forPack;
  }

  /** Sends what the window has room for, up to `flushBytesMax`; what is left follows in another turn. */
  #flush(): void {
    this.#unschedule();
    const link = this.#link;
    if (link === undefined || this.#isBlocked || this.#retryTimer !== undefined) return;
    if (this.#waiting.length === 0 && this.#again.length === 0) return;

    const envelopes: Envelope[] = [];
    const nowMs = performance.now();
    const allowance = this.#caution.allowance(this.#window.open, this.#windowMax, nowMs);
    let flushBytes = 0;
    let count = 0;
    while (envelopes.length < allowance && flushBytes < this.#limits.flushBytesMax) {
      const sent = this.#next();
      if (sent === undefined) break;
      this.#window.add(sent);
      envelopes.push(sent.envelope);
      flushBytes += sent.envelope.body.byteLength;
      count += sent.count;
    }
    if (envelopes.length === 0) return;
    this.envelopeCount += envelopes.length;
    this.#gathering.sent(count, nowMs);
    link.send(envelopes);
    // What had no room has gathered long enough.
    if (this.#waiting.length > 0 || this.#again.length > 0) this.#scheduleFlush(true);
  }

  #unschedule(): void {
    clearImmediate(this.#flushImmediate);
    clearTimeout(this.#lingerTimer);
    this.#flushImmediate = undefined;
    this.#lingerTimer = undefined;
  }

  get #windowMax(): number {
    return this.isPacking ? this.#limits.packedWindowMax : this.#limits.windowMax;
  }

  #next(): Sent | undefined {
    if (this.#again.length === 0) return this.#seal();
    this.repeatedCount++;
    return this.#again.shift();
  }

  /** Takes waiting messages for one envelope: one as it is, several packed. */
  #seal(): Sent | undefined {
    const first = this.#waiting.shift();
    if (first === undefined) return undefined;
    const others = this.isPacking ? this.#takeForPack(first.costBytes) : none;
    // Messages are numbered, not envelopes: a message's id does not depend on whether it was packed.
    const sequence = this.#sequence + 1;
    this.#sequence += 1 + others.length;
    const id = this.idOf(sequence);
    if (others.length === 0) return sealOne(first, sequence, id, this.#appId);
    return sealPacked([first, ...others], sequence, id, this.#appId);
  }

  /** What fits into an envelope beside a first message of this cost. */
  #takeForPack(firstCostBytes: number): Waiting[] {
    const { packCountMax, packBytesMax } = this.#limits;
    const taken: Waiting[] = [];
    let costBytes = firstCostBytes;
    while (taken.length + 1 < packCountMax) {
      const next = this.#waiting.at(0);
      if (next === undefined || costBytes + next.costBytes > packBytesMax) break;
      taken.push(next);
      costBytes += next.costBytes;
      this.#waiting.shift();
    }
    return taken;
  }
}

const none: readonly Waiting[] = [];
