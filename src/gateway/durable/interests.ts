import { MultiMap } from "../../collections/multi-map.ts";
import { isPattern, TopicTrie } from "../../topics/topic-trie.ts";
import { direct } from "../fan-out/encoding.ts";
import type { DurableSubscription } from "./subscription.ts";

/** Who wants what. */
export class Interests {
  readonly #exact = new MultiMap<DurableSubscription>();
  readonly #directs = new MultiMap<DurableSubscription>();
  readonly #patterns = new TopicTrie<DurableSubscription>();
  #patternCount = 0;

  constructor(subscriptions: Iterable<DurableSubscription>) {
    for (const subscription of subscriptions) this.add(subscription);
  }

  add(subscription: DurableSubscription): void {
    const { pattern, clientId } = subscription;
    if (pattern === direct) this.#directs.add(clientId, subscription);
    else if (isPattern(pattern)) {
      this.#patterns.add(pattern, subscription);
      this.#patternCount++;
    } else this.#exact.add(pattern, subscription);
  }

  /** It must be there. */
  remove(subscription: DurableSubscription): void {
    const { pattern, clientId } = subscription;
    if (pattern === direct) this.#directs.remove(clientId, subscription);
    else if (isPattern(pattern)) {
      this.#patterns.remove(pattern, subscription);
      this.#patternCount--;
    } else this.#exact.remove(pattern, subscription);
  }

  eachDirect(clientId: string, offer: (subscription: DurableSubscription) => void): void {
    for (const subscription of this.#directs.find(clientId)) offer(subscription);
  }

  eachOf(topic: string, offer: (subscription: DurableSubscription) => void): void {
    for (const subscription of this.#exact.find(topic)) offer(subscription);
    if (this.#patternCount > 0) for (const subscription of this.#patterns.match(topic)) offer(subscription);
  }
}
