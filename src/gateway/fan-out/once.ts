import { OldestFirst } from "../../collections/oldest-first.ts";
import { type OnceId, onceIdIn, onceIdOf, onceText } from "../../envelope/once-id.ts";
import type { Waiter } from "../../envelope/waiter.ts";
import type { OutgoingMessage } from "../../message.ts";
import type { AnyMetric } from "../../ops/metrics.ts";
import { entryBytes, KeyShares, sharedElsewhere, waiterBytes } from "./key-shares.ts";
import { PastKeys } from "./past-keys.ts";

/** What is known of a key. */
interface Entry {
  /** The part of the client ids that it belongs to (`KeyShares`). */
  readonly part: number;
  readonly content: number;
  /** When it is forgotten, in milliseconds since 1970. */
  endsMs: number;
  /** Those that wait for the confirm of the message; undefined once it has come, and for another manager's. */
  waiting: Waiter[] | undefined;
}

/**
 * What becomes of a message with a key:
 *
 * - `new`: it is to be published with this id and this waiter, instead of its own.
 * - `repeated`: it was published before, and is not again. Its waiter hears of the first one's confirm.
 * - `reused`: the key belongs to another message (of another body or topic). It is not published: HTTP's 409.
 * - `too many`: more wait for the confirm of earlier messages than may. It is not published, and may come again: HTTP's 503.
 */
export type Admission =
  | { readonly is: "new"; readonly message: OutgoingMessage; readonly waiter: Waiter }
  | { readonly is: "repeated" | "reused" | "too many" };

/** How long idempotency keys are known, and how many. */
export interface OnceLimits {
  /** How long a second message with the same key is not published, in milliseconds. */
  readonly windowMs: number;
  /** What the keys may take together, in bytes. A sender may have as many as it leaves free; beyond that its own oldest are forgotten. */
  readonly bytesMax: number;
}

/**
 * Messages with idempotency keys: each client id's key is published once within a window. What this manager takes it remembers at
 * once, and what others take it learns from the log (`Feed`), also what came before it was started (`PastAtStart`). Where two managers
 * take the same key before either has learnt of the other's, both publish it: their ids say that they are the same (`once-id.ts`),
 * and followers drop the one that is later in the log.
 *
 * To use it from a further protocol: put the key into `headers["idempotency-key"]` and hand the message to
 * `Ingress.take`, whose result says what became of it. What does not go through the ingress (the control API, whose messages
 * come from no client) asks `admit`, and publishes what it gets if that is `new`.
 */
export class Once {
  readonly #limits: OnceLimits;
  readonly #now: () => number;
  /** What is known of each key, by the hash of client id and key. */
  readonly #entries = new OldestFirst<string, Entry>();
  readonly #shares = new KeyShares();
  /** What has a key asks it first, before `admit`. */
  readonly past = new PastKeys();
  #repeated = 0;
  #reused = 0;
  #forgotten = 0;

  /** @param now milliseconds since 1970 */
  constructor(limits: OnceLimits, now: () => number = Date.now) {
    this.#limits = limits;
    this.#now = now;
  }

  get windowMs(): number {
    return this.#limits.windowMs;
  }

  /** What the keys take, in bytes. */
  get bytes(): number {
    return this.#entries.size * entryBytes + this.#shares.waitersBytes;
  }

  get metrics(): readonly AnyMetric[] {
    const counter = (name: string, help: string, read: () => number) =>
      ({ name, help, read, type: "counter" }) as const;
    return [
      {
        name: "warren_idempotency_keys_bytes",
        type: "gauge",
        help: "What the idempotency keys of the last --idempotency-window take in memory.",
        read: () => this.bytes,
      },
      counter(
        "warren_idempotency_repeats_total",
        "Messages that were not published, since one with the same idempotency key was.",
        () => this.#repeated,
      ),
      counter(
        "warren_idempotency_reused_total",
        "Messages that were refused, since their idempotency key was another message's.",
        () => this.#reused,
      ),
      counter(
        "warren_idempotency_forgotten_total",
        "Idempotency keys that were forgotten before their time, since --idempotency-max-bytes was reached.",
        () => this.#forgotten,
      ),
    ];
  }

  /**
   * Decides about a message of this manager's. To be called once for each, just before it is published.
   *
   * @param key 1 to 255 bytes; the same key of another client id is another one
   * @param waiter hears of what becomes of the message, or of the earlier one that it repeats; never before this has returned
   * @param keptBytes what the waiter keeps
   * @param sharedBy who has the key, where that is not the client id: those that can choose a new one each time
   */
  admit(
    message: OutgoingMessage,
    key: string,
    waiter?: Waiter,
    keptBytes = 0,
    sharedBy = message.clientId,
  ): Admission {
    const nowMs = this.#now();
    const id = onceIdOf(message, key, nowMs, this.#limits.windowMs);
    const known = this.#find(id.key, nowMs);
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

  /**
   * A message with a key has come by the log. Returns whether that key was known: this manager's clients have heard the message then.
   *
   * @param clientId of the client that sent it, if that is known
   * @param atMs when it was taken, in milliseconds since 1970, if that was long ago
   * @param isOlder it takes the place of none that is known
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

  #find(key: string, nowMs: number): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    // One that RabbitMQ has not confirmed yet is not repeated, however long that takes.
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

  /** A client id has no more keys than it leaves room for. */
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

  /** False if too many wait. */
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
      for (const each of waiting) tell(each);
    };
    return {
      confirmed: () => settle((each) => each.confirmed()),
      setAside: (why) => {
        // Nobody has got it: it may come again.
        if (this.#entries.get(key) === entry) this.#forget(key, entry);
        settle((each) => each.setAside(why));
      },
    };
  }
}
