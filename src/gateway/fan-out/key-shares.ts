import { createHash } from "node:crypto";
import { OldestFirst } from "../../collections/oldest-first.ts";

/** Client ids are divided into this many parts by a hash with a secret seed, so few of them share a part. */
const partsCount = 4096;

/** What a key costs in memory, in bytes: its text, its entries in two orders, and what is known about it. */
export const entryBytes = 384;
/** What a message that waits for an earlier one's confirm takes besides. In bytes. */
export const waiterBytes = 128;

/** What all messages that wait for the confirm of an earlier one with the same key may keep together, in bytes. */
const waitersBytesMax = 8 * 1024 ** 2;

/** The prefix of ids that are made from a key, for a client without an id. */
const anonymous = "anonymous-";

/** An id for a client that has none. It is the same each time for the same key, since a key counts per client id. */
export function anonymousId(key: string): string {
  return `${anonymous}${createHash("sha256").update(key).digest("hex").slice(0, 32)}`;
}

/** The owner of the keys of another manager's client. That manager does not pass on addresses, so all clients without an id share one owner. */
export function sharedElsewhere(clientId: string | undefined): string | undefined {
  return clientId?.startsWith(anonymous) === true ? anonymous : clientId;
}

/**
 * Counts the keys of each client id, roughly, so that a client with very many keys loses its own and not those of others. Messages that
 * wait for a confirm are counted in the same way.
 */
export class KeyShares {
  readonly #seed = BigInt(Math.floor(Math.random() * 2 ** 32));
  /** The keys of each part. */
  readonly #parts: (OldestFirst<true> | undefined)[] = [];
  /** What the waiting messages of each part keep. In bytes. */
  readonly #waiting = new Map<number, number>();
  /** What all waiting messages keep together. In bytes. */
  waitersBytes = 0;

  partOf(sharedBy: string | undefined): number {
    return Number(Bun.hash.xxHash64(sharedBy ?? "", this.#seed) % BigInt(partsCount));
  }

  add(part: number, key: string): void {
    this.#parts[part] ??= new OldestFirst();
    this.#parts[part].set(key, true);
  }

  delete(part: number, key: string): void {
    const keys = this.#parts[part];
    keys?.delete(key);
    if (keys?.size === 0) this.#parts[part] = undefined;
  }

  sizeOf(part: number): number {
    return this.#parts[part]?.size ?? 0;
  }

  /** Whether another message may wait that keeps this many bytes: those of one part may keep as much as is left free. */
  mayWait(part: number, bytes: number): boolean {
    return (this.#waiting.get(part) ?? 0) + bytes <= waitersBytesMax - this.waitersBytes;
  }

  /** Counts a waiting message that keeps this many bytes. A negative number: one that no longer waits. */
  waits(part: number, bytes: number): void {
    this.waitersBytes += bytes;
    const own = (this.#waiting.get(part) ?? 0) + bytes;
    if (own > 0) this.#waiting.set(part, own);
    else this.#waiting.delete(part);
  }

  oldestOf(part: number): string | undefined {
    return this.#parts[part]?.oldest?.key;
  }
}
