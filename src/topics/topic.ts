import { wordsOf } from "./pattern.ts";

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

/** The hash of a word: FNV-1a, 32 bits. Never 0. */
export function hashOf(word: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < word.length; at++) hash = Math.imul(hash ^ word.charCodeAt(at), 0x01000193);
  return hash === 0 ? 1 : hash | 0;
}
