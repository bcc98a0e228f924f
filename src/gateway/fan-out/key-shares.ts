import { createHash } from "node:crypto";
import { OldestFirst } from "../../collections/oldest-first.ts";

/** Clients' ids fall into this many parts, by a hash that nobody else can know: so few of them share one. */
const partsCount = 4096;

/** What one key costs in memory, in bytes: its text, its places among all and among its client's, and what is known of it. */
export const entryBytes = 384;
/** What one that waits for the confirm of an earlier message takes besides. In bytes. */
export const waiterBytes = 128;

/** What those that wait for the confirm of an earlier message with their key may keep together, in bytes. */
const waitersBytesMax = 8 * 1024 ** 2;

/** How the ids begin that are made of a key, for a client without one. */
const anonymous = "anonymous-";

/** A client id for a client that has none: the same each time that it comes with the same key, since a key counts for one client id. */
export function anonymousId(key: string): string {
  return `${anonymous}${createHash("sha256").update(key).digest("hex").slice(0, 32)}`;
}

/** Who shares the keys of another manager's client. That manager does not tell addresses, so all clients without an id share theirs. */
export function sharedElsewhere(clientId: string | undefined): string | undefined {
  return clientId?.startsWith(anonymous) === true ? anonymous : clientId;
}

/**
 * How many keys each client id has, roughly, so that one that has very many loses its own and not those of others. It counts those that
 * wait for a confirm in the same way.
 */
export class KeyShares {
  readonly #seed = BigInt(Math.floor(Math.random() * 2 ** 32));
  /** The keys of each part. */
  readonly #parts: (OldestFirst<string, true> | undefined)[] = [];
  /** What those of each part that wait keep. In bytes. */
  readonly #waiting = new Map<number, number>();
  /** What all that wait keep together. In bytes. */
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

  /** Whether one more may wait, which keeps this much: those of one part may keep as much as is left free. */
  mayWait(part: number, bytes: number): boolean {
    return (this.#waiting.get(part) ?? 0) + bytes <= waitersBytesMax - this.waitersBytes;
  }

  /** Counts one more that waits and keeps this much; below zero: one that waits no more. */
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
