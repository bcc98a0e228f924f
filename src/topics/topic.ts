import { wordsOf } from "./pattern.ts";
import { hashOf } from "./word-hash.ts";

/** A topic's words, and their hashes once they are asked for. */
export class Topic {
  readonly words: readonly string[];
  #hashes: Int32Array | undefined;
  #distinct: ReadonlySet<number> | undefined;

  constructor(name: string) {
    this.words = wordsOf(name);
  }

  get hashes(): Int32Array {
    this.#hashes ??= Int32Array.from(this.words, hashOf);
    return this.#hashes;
  }

  get distinct(): ReadonlySet<number> {
    this.#distinct ??= new Set(this.hashes);
    return this.#distinct;
  }
}
