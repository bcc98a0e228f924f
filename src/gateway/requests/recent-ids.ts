import { OldestFirst } from "../../collections/oldest-first.ts";

/** Remembers the last texts, up to a number; then the oldest is forgotten. */
export class RecentIds {
  readonly #max: number;
  readonly #ids = new OldestFirst<true>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#ids.size;
  }

  add(id: string): void {
    this.#ids.set(id, true);
    if (this.#ids.size > this.#max) this.#ids.delete(this.#ids.oldest!.key);
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }
}
