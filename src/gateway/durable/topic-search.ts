import { TopicTrie } from "../../topics/topic-trie.ts";

/** The clock is read once for this many topics. */
const lookEach = 32;

/** Finds the topics that some patterns match: each topic is examined once for all patterns, in slices. */
export class TopicSearch {
  readonly #trie = new TopicTrie<Set<string>>();
  readonly #found = new Map<string, Set<string>>();
  readonly #topics: Iterator<string>;
  readonly #foundMax: number;
  #left: number;

  /**
   * @param topics all topics, from a map in which a new topic comes last: so `count` steps pass all that were there at the start
   * @param foundMax the most topics per pattern; one more is found if there are more
   */
  constructor(patterns: Iterable<string>, topics: Iterator<string>, count: number, foundMax: number) {
    this.#topics = topics;
    this.#left = count;
    this.#foundMax = foundMax;
    for (const pattern of patterns) {
      const found = new Set<string>();
      this.#found.set(pattern, found);
      this.#trie.add(pattern, found);
    }
  }

  /** A topic was written to. */
  saw(topic: string): void {
    for (const found of this.#trie.match(topic)) if (found.size <= this.#foundMax) found.add(topic);
  }

  /**
   * Examines more topics.
   *
   * @returns whether all were examined
   */
  run(untilMs: number): boolean {
    while (this.#left > 0) {
      const { value, done } = this.#topics.next();
      if (done === true) this.#left = 0;
      else {
        this.#left--;
        this.saw(value);
      }
      if (this.#left % lookEach === 0 && performance.now() >= untilMs) break;
    }
    return this.#left === 0;
  }

  /** The topics that match; undefined if the pattern is not searched for. */
  of(pattern: string): ReadonlySet<string> | undefined {
    return this.#found.get(pattern);
  }
}
