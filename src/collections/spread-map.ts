/** A map with this many entries is spread before it gets another. */
const wholeMax = 4096;
/** A spread map with fewer entries than this is put together again. */
const spreadMin = 1024;
/** A spread map's number of parts. */
const partsCount = 256;

/** Keys that share a part cannot be chosen by those who do not know it. */
const seed = Math.floor(Math.random() * 2 ** 32);

/**
 * A map of texts that may have very many entries: it is spread over many small maps by a hash of the key. The code that fills it has to
 * cap it.
 *
 * A `Map` makes its whole table anew when it has grown, or when much was deleted from it. With 16,000 entries that takes 17 ms, in which
 * nobody is served, and with 800,000 it takes 280 (docs/decisions.md). Here only one small part is made anew at a time. As long as there
 * are few entries, they are in one `Map`.
 */
export class SpreadMap<Value> {
  /** One part, or all of them if the map is spread. */
  #parts: readonly Map<string, Value>[] = [new Map()];
  #size = 0;
  /** The last key whose part was looked for: most are asked for first, and then set or deleted. */
  #lastKey: string | undefined;
  #lastPart = this.#parts[0]!;

  get size(): number {
    return this.#size;
  }

  has(key: string): boolean {
    return this.#partOf(key).has(key);
  }

  get(key: string): Value | undefined {
    return this.#partOf(key).get(key);
  }

  set(key: string, value: Value): void {
    if (this.#size === wholeMax && this.#parts.length === 1) this.#divide(partsCount);
    const part = this.#partOf(key);
    const sizeBefore = part.size;
    part.set(key, value);
    this.#size += part.size - sizeBefore;
  }

  /** Returns whether it existed. */
  delete(key: string): boolean {
    if (!this.#partOf(key).delete(key)) return false;
    this.#size--;
    if (this.#size < spreadMin && this.#parts.length > 1) this.#divide(1);
    return true;
  }

  clear(): void {
    this.#size = 0;
    this.#spreadOver(1);
  }

  /**
   * The keys, in no order. Entries may come and go meanwhile: a key that is there from the beginning to the end comes at least once, and
   * twice if the map is spread or put together meanwhile. A new one may be left out, so that this ends however many come.
   */
  *keys(): Generator<string, void> {
    anew: for (;;) {
      const parts = this.#parts;
      for (const part of parts) {
        // New keys come last.
        let left = part.size;
        for (const key of part.keys()) {
          if (left-- === 0) break;
          yield key;
          if (this.#parts !== parts) continue anew;
        }
      }
      return;
    }
  }

  #partOf(key: string): Map<string, Value> {
    if (this.#parts.length > 1 && key !== this.#lastKey) {
      this.#lastKey = key;
      this.#lastPart = this.#parts[partOf(key)]!;
    }
    return this.#lastPart;
  }

  /** Divides the entries among this many parts: one, or `partsCount`. */
  #divide(count: number): void {
    const before = this.#parts;
    this.#spreadOver(count);
    for (const part of before) for (const [key, value] of part) this.#partOf(key).set(key, value);
  }

  /** Takes this many empty parts. */
  #spreadOver(count: number): void {
    this.#parts = Array.from({ length: count }, () => new Map<string, Value>());
    this.#lastKey = undefined;
    this.#lastPart = this.#parts[0]!;
  }
}

/** The number of the part that a key belongs to. */
function partOf(key: string): number {
  return Bun.hash.xxHash32(key, seed) % partsCount;
}
