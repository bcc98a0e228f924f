import { MultiMap } from "../../collections/multi-map.ts";
import { isPattern } from "../../topics/pattern.ts";
import { TopicTrie } from "../../topics/topic-trie.ts";
import { direct } from "../fan-out/encoding.ts";
import type { DurableSubscription } from "./subscription.ts";

/** How many entries may be remembered: one for each topic, and one for each subscription that matches it. */
const rememberedMax = 32 * 1024;

/** Finds the subscriptions that want a message. */
export class Interests {
  readonly #exact = new MultiMap<DurableSubscription>();
  readonly #directs = new MultiMap<DurableSubscription>();
  readonly #patterns = new TopicTrie<DurableSubscription>();
  #patternCount = 0;
  /** The subscriptions that match a topic, valid until one comes or goes: most topics are used again and again. */
  readonly #remembered = new Map<string, readonly DurableSubscription[]>();
  #rememberedCount = 0;

  constructor(subscriptions: Iterable<DurableSubscription>) {
    for (const subscription of subscriptions) this.add(subscription);
  }

  add(subscription: DurableSubscription): void {
    const { pattern, clientId } = subscription;
    if (pattern === direct) this.#directs.add(clientId, subscription);
    else if (isPattern(pattern)) {
      this.#patterns.add(pattern, subscription);
      this.#forget();
      this.#patternCount++;
    } else this.#exact.add(pattern, subscription);
  }

  /** Removes a subscription, which must be there. */
  remove(subscription: DurableSubscription): void {
    const { pattern, clientId } = subscription;
    if (pattern === direct) this.#directs.remove(clientId, subscription);
    else if (isPattern(pattern)) {
      this.#patterns.remove(pattern, subscription);
      this.#forget();
      this.#patternCount--;
    } else this.#exact.remove(pattern, subscription);
  }

  eachDirect(clientId: string, offer: (subscription: DurableSubscription) => void): void {
    for (const subscription of this.#directs.find(clientId)) offer(subscription);
  }

  eachOf(topic: string, offer: (subscription: DurableSubscription) => void): void {
    for (const subscription of this.#exact.find(topic)) offer(subscription);
    if (this.#patternCount > 0) for (const subscription of this.#matching(topic)) offer(subscription);
  }

  #matching(topic: string): readonly DurableSubscription[] {
    let matching = this.#remembered.get(topic);
    if (matching !== undefined) return matching;
    matching = this.#patterns.match(topic);
    this.#rememberedCount += 1 + matching.length;
    if (this.#rememberedCount > rememberedMax) this.#forget();
    else this.#remembered.set(topic, matching);
    return matching;
  }

  #forget(): void {
    if (this.#rememberedCount === 0) return;
    this.#remembered.clear();
    this.#rememberedCount = 0;
  }
}
