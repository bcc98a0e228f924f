import { TopicTrie } from "../../topics/topic-trie.ts";

/** The clock is looked at once for this many topics. */
const lookEach = 32;

/** Which topics some patterns match: each topic is looked at once for all of them, in parts. */
export class TopicSearch {
  readonly #trie = new TopicTrie<Set<string>>();
  readonly #found = new Map<string, Set<string>>();
  readonly #topics: Iterator<string>;
  readonly #foundMax: number;
  #left: number;

  /**
   * @param topics all that there are: of a map in which a topic that comes meanwhile comes last, so that `count` steps pass all that
   *   were there
   * @param foundMax of a pattern that more topics match, this many and one are found
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
   * Looks at more topics, until then by `performance.now()`.
   *
   * @returns whether there are no more
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

  /** Undefined: this pattern is not looked for. */
  of(pattern: string): ReadonlySet<string> | undefined {
    return this.#found.get(pattern);
  }
}
