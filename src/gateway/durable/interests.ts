import { MultiMap } from "../../collections/multi-map.ts";
import { isPattern } from "../../topics/pattern.ts";
import { TopicTrie } from "../../topics/topic-trie.ts";
import { direct } from "../fan-out/encoding.ts";
import type { DurableSubscription } from "./subscription.ts";

/** How many entries may be remembered: one for each topic, and one for each subscription that matches it. */
const rememberedMax = 32 * 1024;

const none: readonly DurableSubscription[] = [];

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
    for (const subscription of this.directTo(clientId)) offer(subscription);
  }

  /** Those that want what is addressed to a client. */
  directTo(clientId: string): Iterable<DurableSubscription> {
    return this.#directs.find(clientId);
  }

  /** Those that name the topic itself. */
  naming(topic: string): Iterable<DurableSubscription> {
    return this.#exact.find(topic);
  }

  eachOf(topic: string, offer: (subscription: DurableSubscription) => void): void {
    for (const subscription of this.naming(topic)) offer(subscription);
    for (const subscription of this.matching(topic)) offer(subscription);
  }

  /** Whether those that match the topic are known, so that they do not have to be found among all patterns. */
  remembers(topic: string): boolean {
    return this.#patternCount === 0 || this.#remembered.has(topic);
  }

  /** Those with a pattern that matches the topic. */
  matching(topic: string): readonly DurableSubscription[] {
    if (this.#patternCount === 0) return none;
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
