import { TopicTrie } from "../../topics/topic-trie.ts";

/** The clock is read once for this many topics. */
const lookEach = 32;

/** Finds the topics that some patterns match: each topic is examined once for all patterns, in slices. */
export class TopicSearch {
  readonly #trie = new TopicTrie<Set<string>>();
  readonly #found = new Map<string, Set<string>>();
  readonly #topics: Iterator<string>;
  readonly #foundMax: number;
  #isOver = false;

  /**
   * @param topics all topics, each at least once. New ones may be left out, since `saw` is told of them.
   * @param foundMax the most topics per pattern; one more is found if there are more
   */
  constructor(patterns: Iterable<string>, topics: Iterator<string>, foundMax: number) {
    this.#topics = topics;
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
    for (let examined = 1; !this.#isOver; examined++) {
      const { value, done } = this.#topics.next();
      if (done === true) this.#isOver = true;
      else this.saw(value);
      if (examined % lookEach === 0 && performance.now() >= untilMs) break;
    }
    return this.#isOver;
  }

  /** The topics that match; undefined if the pattern is not searched for. */
  of(pattern: string): ReadonlySet<string> | undefined {
    return this.#found.get(pattern);
  }
}
