/** How many ids one generation remembers. Together with the one before it, that is the last 65,536 to 131,072 ids. */
const idsMax = 65_536;
/** The initial capacity of a generation. It doubles until it holds `idsMax`, so an object that sees few ids stays small. */
const placesMin = 256;

/**
 * Remembers which ids came lately, in 8 bytes for each: some KB where little happens, and 2 MiB at most. It keeps 64-bit hashes. A
 * collision among so few ids is less likely than a memory error.
 */
export class SeenIds {
  #new = new Hashes();
  #old = new Hashes();

  /** The hash of the last id that was passed in. */
  #low = 0;
  #high = 0;

  /** Whether it has got more ids than one generation holds. */
  get hasForgotten(): boolean {
    return this.#old.count > 0;
  }

  /** Whether the id is known. */
  has(id: string): boolean {
    this.#hash(id);
    return this.#new.has(this.#low, this.#high) || this.#old.has(this.#low, this.#high);
  }

  /** Remembers the id. Returns whether it was known. */
  remember(id: string): boolean {
    this.#hash(id);
    const low = this.#low;
    const high = this.#high;
    if (this.#old.count > 0 && this.#old.has(low, high)) return true;
    if (!this.#new.add(low, high)) return true;
    if (this.#new.count >= idsMax) {
      this.#old = this.#new;
      this.#new = new Hashes();
    }
    return false;
  }

  #hash(id: string): void {
    let low = 0x9e3779b9;
    let high = 0x41c6ce57;
    for (let at = 0; at < id.length; at++) {
      const unit = id.charCodeAt(at);
      low = Math.imul(low ^ unit, 0x9e3779b1);
      high = Math.imul(high ^ unit, 0x5f356495);
    }
    this.#low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
    this.#high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
  }
}

/** A set of 64-bit numbers, each in two halves; open addressing, at most half full. */
class Hashes {
  count = 0;
  /** A pair of zeros is an empty slot. */
  #pairs = new Int32Array(2 * placesMin);

  has(low: number, high: number): boolean {
    return this.#pairs[this.#placeOf(low, high) + 1] !== 0;
  }

  /** Returns false if it was there already. */
  add(low: number, high: number): boolean {
    const place = this.#placeOf(low, high);
    if (this.#pairs[place + 1] !== 0) return false;
    this.#pairs[place] = low;
    this.#pairs[place + 1] = high === 0 ? 1 : high;
    this.count++;
    if (4 * this.count > this.#pairs.length) this.#grow();
    return true;
  }

  /** The slot where it is, or would be. */
  #placeOf(low: number, high: number): number {
    const wanted = high === 0 ? 1 : high;
    const last = this.#pairs.length / 2 - 1;
    let place = (low ^ (low >>> 15)) & last;
    for (;;) {
      const found = this.#pairs[2 * place + 1];
      if (found === 0 || (found === wanted && this.#pairs[2 * place] === (low | 0))) return 2 * place;
      place = (place + 1) & last;
    }
  }

  #grow(): void {
    const before = this.#pairs;
    this.#pairs = new Int32Array(2 * before.length);
    for (let at = 0; at < before.length; at += 2) {
      if (before[at + 1] === 0) continue;
      const place = this.#placeOf(before[at]!, before[at + 1]!);
      this.#pairs[place] = before[at]!;
      this.#pairs[place + 1] = before[at + 1]!;
    }
  }
}
