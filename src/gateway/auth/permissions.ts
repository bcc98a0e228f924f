import { type Budget, covers, usualBudget } from "../../topics/covering.ts";
import { TopicTrie } from "../../topics/topic-trie.ts";

/** How many topics' results are remembered, for all clients that have the same rights. */
const answersMax = 64;

/** What a client may publish and subscribe to. */
export interface Permissions {
  /** Whether it may publish to a topic. This is on the hot path, so it must cost next to nothing. */
  mayPublish(topic: string): boolean;
  /** Whether it may send requests to `/app/TOPIC`. */
  mayAsk(topic: string): boolean;
  /**
   * @param pattern a topic, or a pattern of which every topic must be allowed
   * @param budget what the check may cost: some milliseconds, if absent
   */
  maySubscribe(pattern: string, budget?: Budget): boolean;
  /** Added to a refusal if the token has no rights at all: `: it has no claim "warren"`. Otherwise empty. */
  readonly note: string;
}

/** The permissions of every client without `--auth`. */
export const everything: Permissions = {
  mayPublish: () => true,
  mayAsk: () => true,
  maySubscribe: () => true,
  note: "",
};

/** The permissions of a client that may neither publish nor subscribe. */
export const nothing: Permissions = {
  mayPublish: () => false,
  mayAsk: () => false,
  maySubscribe: () => false,
  note: "",
};

/** The permissions of a token's claim, by patterns. */
export class GrantedPermissions implements Permissions {
  readonly #publish: TopicTrie<true> | undefined;
  readonly #subscribe: readonly string[];
  readonly #app: TopicTrie<true>;
  readonly #mayPublishAll: boolean;
  /** Results by topic. The oldest is forgotten first. */
  readonly #answers = new Map<string, boolean>();

  readonly note: string;

  constructor(
    publish: readonly string[],
    subscribe: readonly string[],
    note = "",
    app: readonly string[] = [],
  ) {
    this.note = note;
    this.#mayPublishAll = publish.includes("#");
    this.#subscribe = subscribe;
    this.#app = new TopicTrie();
    for (const pattern of app) this.#app.add(pattern, true);
    if (this.#mayPublishAll || publish.length === 0) return;
    this.#publish = new TopicTrie();
    for (const pattern of publish) this.#publish.add(pattern, true);
  }

  mayPublish(topic: string): boolean {
    if (this.#publish === undefined) return this.#mayPublishAll;
    let answer = this.#answers.get(topic);
    if (answer === undefined) {
      answer = this.#publish.match(topic).length > 0;
      if (this.#answers.size >= answersMax) this.#answers.delete(this.#answers.keys().next().value!);
      this.#answers.set(topic, answer);
    }
    return answer;
  }

  mayAsk(topic: string): boolean {
    return this.#app.match(topic).length > 0;
  }

  // However many patterns a token has, a check costs some milliseconds at most.
  maySubscribe(pattern: string, budget = usualBudget()): boolean {
    return this.#subscribe.some((allowed) => covers(allowed, pattern, budget));
  }
}
