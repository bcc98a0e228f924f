import { OldestFirst } from "../../collections/oldest-first.ts";
import { onceIdOf } from "../../envelope/idempotency-key.ts";
import type { Waiter } from "../../envelope/waiter.ts";
import type { OutgoingMessage } from "../../message.ts";
import { type OnceId, onceIdIn, onceText } from "../../message-id.ts";
import { LoopTime } from "../../ops/loop-time.ts";
import type { AnyMetric } from "../../ops/metrics.ts";
import { Receipts } from "../clients/receipts.ts";
import type { Admission, OnceLimits } from "./admission.ts";
import { entryBytes, KeyShares, sharedElsewhere, waiterBytes } from "./key-shares.ts";
import { onceMetrics } from "./once-metrics.ts";
import { PastKeys } from "./past-keys.ts";

/** What is known about a key. */
interface Entry {
  /** The part of the client ids that it belongs to (`KeyShares`). */
  readonly part: number;
  readonly content: number;
  /** When the key is forgotten, in milliseconds since 1970. */
  endsMs: number;
  /** The waiters for the confirm; undefined once it has come, and for a message of another manager. */
  waiting: Waiter[] | undefined;
}

/**
 * Deduplicates messages with idempotency keys: a client id's key is published once within a window. Keys that this manager accepts are
 * remembered at once, those of other managers are learnt from the log (`Feed`), and those from before the start from its recent part
 * (`PastAtStart`). If two managers accept the same key before either has heard of the other's, both publish it. Their ids show that they
 * are the same (`message-id.ts`), and followers drop the later one.
 *
 * A protocol puts the key into `headers["idempotency-key"]` and calls `Ingress.take`, whose result says what became of the message. What
 * does not pass the ingress (the control API's messages, which no client sends) calls `admit`, and publishes the result if it is `new`.
 */
export class Once {
  readonly #limits: OnceLimits;
  readonly #now: () => number;
  /** Keys by the hash of client id and key. */
  readonly #entries = new OldestFirst<Entry>();
  readonly #shares = new KeyShares();
  readonly #receipts: Receipts;
  /** Whether the keys from before the start are known. Ask it before `admit`. */
  readonly past: PastKeys;
  readonly windowMs: number;
  #repeated = 0;
  #reused = 0;
  #forgotten = 0;

  /**
   * @param now milliseconds since 1970
   * @param loop shares out the event loop's time, which telling waiters takes
   */
  constructor(
    limits: OnceLimits,
    now: () => number = Date.now,
    loop = new LoopTime(),
    past = new PastKeys(loop),
  ) {
    this.#receipts = new Receipts(loop);
    this.#limits = limits;
    this.#now = now;
    this.windowMs = limits.windowMs;
    this.past = past;
  }

  /** Tells all waiters of messages whose fate is known. */
  tellAll(): void {
    this.#receipts.tellAll();
  }

  /** What the keys take, in bytes. */
  get bytes(): number {
    return this.#entries.size * entryBytes + this.#shares.waitersBytes;
  }

  get metrics(): readonly AnyMetric[] {
    return onceMetrics({
      bytes: () => this.bytes,
      repeated: () => this.#repeated,
      reused: () => this.#reused,
      forgotten: () => this.#forgotten,
    });
  }

  /**
   * Decides about a message that this manager accepts. Call it once for each message, just before publishing it.
   *
   * @param key 1 to 255 bytes; the same key of another client id is a different key
   * @param waiter hears what becomes of the message, or of the earlier one that it repeats, but not before this method has returned
   * @param keptBytes what the waiter keeps in memory
   * @param sharedBy the owner of the key, if that is not the client id: for clients that could choose a new id each time
   */
  admit(
    message: OutgoingMessage,
    key: string,
    waiter?: Waiter,
    keptBytes = 0,
    sharedBy = message.clientId,
  ): Admission {
    const { id, known, nowMs } = this.#lookUp(message, key);
    if (known === undefined) {
      const entry = this.#remember(id, sharedBy, nowMs + this.#limits.windowMs, []);
      return {
        is: "new",
        message: { ...message, id: onceText(id) },
        waiter: this.#firstWaiter(id.key, entry, waiter),
      };
    }
    if (known.content !== id.content) {
      this.#reused++;
      return { is: "reused" };
    }
    if (!this.#attach(known, waiter, keptBytes + waiterBytes)) return { is: "too many" };
    this.#repeated++;
    return { is: "repeated" };
  }

  /** Whether the key is known as that of another message, so that `admit` would refuse this one. */
  isReused(message: OutgoingMessage, key: string): boolean {
    const { id, known } = this.#lookUp(message, key);
    const isReused = known !== undefined && known.content !== id.content;
    if (isReused) this.#reused++;
    return isReused;
  }

  /**
   * A message with a key has come by the log. Returns whether the key was known: then this manager's clients have already got the message.
   *
   * @param clientId of the client that sent it, if that is known
   * @param atMs when the message was accepted, in milliseconds since 1970, if that was long ago
   * @param isOlder the key must not replace one that is known
   */
  learn(id: string, clientId?: string, atMs?: number, isOlder = false): boolean {
    const once = onceIdIn(id);
    if (once === undefined) return false;
    const nowMs = this.#now();
    if (this.#find(once.key, nowMs) !== undefined) return true;
    const endsMs = Math.min(nowMs, atMs ?? nowMs) + 1000 * once.windowSeconds;
    if (endsMs <= nowMs) return false;
    const left = this.#limits.bytesMax / entryBytes - this.#entries.size;
    const sharedBy = sharedElsewhere(clientId);
    if (isOlder && this.#shares.sizeOf(this.#shares.partOf(sharedBy)) + 1 >= left) this.#forgotten++;
    else this.#remember(once, sharedBy, endsMs, undefined);
    return false;
  }

  #lookUp(message: OutgoingMessage, key: string) {
    const nowMs = this.#now();
    const id = onceIdOf(message, key, nowMs, this.#limits.windowMs);
    return { id, known: this.#find(id.key, nowMs), nowMs };
  }

  #find(key: string, nowMs: number): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    // A key whose message is not confirmed yet does not expire, however long that takes.
    if (entry.waiting !== undefined || entry.endsMs > nowMs) return entry;
    this.#forget(key, entry);
    return undefined;
  }

  #remember(
    { key, content }: OnceId,
    sharedBy: string | undefined,
    endsMs: number,
    waiting: Waiter[] | undefined,
  ): Entry {
    const part = this.#shares.partOf(sharedBy);
    const entry = { part, content, endsMs, waiting };
    this.#entries.set(key, entry);
    this.#shares.add(part, key);
    this.#forgetOld();
    this.#keepShare(part);
    return entry;
  }

  #forget(key: string, { part }: Entry): void {
    this.#entries.delete(key);
    this.#shares.delete(part, key);
  }

  /** Forgets the oldest keys of a client id that has more than it leaves room for. */
  #keepShare(part: number): void {
    while (this.#shares.sizeOf(part) > this.#limits.bytesMax / entryBytes - this.#entries.size) {
      const oldest = this.#shares.oldestOf(part);
      const entry = oldest === undefined ? undefined : this.#entries.get(oldest);
      if (entry === undefined || this.#entries.size === 1) return;
      this.#forget(oldest!, entry);
      if (entry.endsMs > this.#now() || entry.waiting !== undefined) this.#forgotten++;
    }
  }

  #forgetOld(): void {
    const nowMs = this.#now();
    for (let oldest = this.#entries.oldest; oldest !== undefined; oldest = this.#entries.oldest) {
      const { key, value } = oldest;
      const isOver = value.endsMs <= nowMs && value.waiting === undefined;
      if (!isOver && this.#entries.size * entryBytes <= this.#limits.bytesMax) return;
      if (!isOver) this.#forgotten++;
      this.#forget(key, value);
    }
  }

  /** Returns false if too many wait already. */
  #attach(entry: Entry, waiter: Waiter | undefined, keptBytes: number): boolean {
    if (waiter === undefined) return true;
    const { waiting, part } = entry;
    if (waiting === undefined) {
      queueMicrotask(() => waiter.confirmed());
      return true;
    }
    if (!this.#shares.mayWait(part, keptBytes)) return false;
    this.#shares.waits(part, keptBytes);
    const settled = (tell: () => void) => {
      this.#shares.waits(part, -keptBytes);
      tell();
    };
    waiting.push({
      confirmed: () => settled(() => waiter.confirmed()),
      setAside: (why) => settled(() => waiter.setAside(why)),
    });
    return true;
  }

  #firstWaiter(key: string, entry: Entry, waiter: Waiter | undefined): Waiter {
    const settle = (tell: (waiter: Waiter) => void) => {
      const waiting = entry.waiting ?? [];
      entry.waiting = undefined;
      if (waiter !== undefined) tell(waiter);
      for (const each of waiting) this.#receipts.tell(undefined, 0, () => tell(each));
    };
    return {
      confirmed: () => settle((each) => each.confirmed()),
      setAside: (why) => {
        // The message was not published, so it may be sent again.
        if (this.#entries.get(key) === entry) this.#forget(key, entry);
        settle((each) => each.setAside(why));
      },
    };
  }
}
