import { OldestFirst } from "../collections/oldest-first.ts";
import { isWithinWindow, type OnceId } from "../message-id.ts";

/** What a key costs in memory, in bytes: its text, its places in a map and in an order, and a number. */
const keyBytes = 256;

/** The keys of the last messages, with their times. The oldest is forgotten first. */
export class RecentKeys {
  readonly #countMax: number;
  /** When each was accepted, in seconds since 1970. */
  readonly #seconds = new OldestFirst<number>();

  /** @param bytesMax what the keys may take together */
  constructor(bytesMax: number) {
    this.#countMax = Math.max(1, Math.floor(bytesMax / keyBytes));
  }

  /** Whether a message with this key came before, within the window that the id names. */
  has(id: OnceId): boolean {
    const seconds = this.#seconds.get(id.key);
    return seconds !== undefined && isWithinWindow(seconds, id);
  }

  add({ key, seconds }: OnceId): void {
    this.#seconds.set(key, seconds);
    if (this.#seconds.size > this.#countMax) this.#seconds.delete(this.#seconds.oldest!.key);
  }

  /** Remembers the key. Returns whether it was known, and within its window. */
  remember(id: OnceId): boolean {
    if (this.has(id)) return true;
    this.add(id);
    return false;
  }
}
