import type { Task } from "../../ops/loop-time.ts";
import type { Slices } from "../clients/slices.ts";
import type { KnownValues } from "./known-values.ts";
import type { LastValue } from "./last-values.ts";
import type { DurableSubscription } from "./subscription.ts";
import type { TopicSearch } from "./topic-search.ts";

/** How many patterns are looked up at a time: what each of them finds takes memory until the subscriptions have got it. */
const patternsMax = 32;

/** The newest messages of the matching topics, oldest first; undefined if more topics match than are allowed. */
export type Matching = readonly LastValue[] | undefined;

/**
 * Subscriptions to the newest message of each topic that a pattern matches. The topics are looked up among all that are in memory, in
 * slices of the event loop's time, since there may be tens of thousands.
 */
export class Lookups implements Task {
  readonly #values: Pick<KnownValues, "search" | "inOrder" | "searched">;
  readonly #slices: Slices;
  readonly #found: (subscription: DurableSubscription, values: Matching) => void;
  /** The first one to ask is answered first. */
  readonly #asking = new Set<DurableSubscription>();
  #search: TopicSearch | undefined;

  /** @param found called once for each subscription that was added and not forgotten, in a later turn of the event loop */
  constructor(
    values: Pick<KnownValues, "search" | "inOrder" | "searched">,
    slices: Slices,
    found: (subscription: DurableSubscription, values: Matching) => void,
  ) {
    this.#values = values;
    this.#slices = slices;
    this.#found = found;
  }

  get count(): number {
    return this.#asking.size;
  }

  add(subscription: DurableSubscription): void {
    this.#asking.add(subscription);
    this.#slices.ask(this);
  }

  forget(subscription: DurableSubscription): void {
    this.#asking.delete(subscription);
  }

  /** Gives up all lookups. Returns the subscriptions that asked. */
  takeAll(): readonly DurableSubscription[] {
    const all = [...this.#asking];
    this.#asking.clear();
    this.#end();
    this.#slices.forget(this);
    return all;
  }

  run(untilMs: number): void {
    if (this.#search === undefined) {
      const patterns = new Set<string>();
      for (const { pattern } of this.#asking) {
        if (patterns.size === patternsMax) break;
        patterns.add(pattern as string);
      }
      if (patterns.size === 0) return;
      this.#search = this.#values.search(patterns);
    }
    if (!this.#search.run(untilMs) || !this.#answer(this.#search, untilMs)) {
      this.#slices.ask(this);
      return;
    }
    this.#end();
    if (this.#asking.size > 0) this.#slices.ask(this);
  }

  /** Returns whether all subscriptions of this search were answered. */
  #answer(search: TopicSearch, untilMs: number): boolean {
    // Nothing is written to a topic within this turn.
    const inOrder = new Map<string, Matching>();
    for (const subscription of this.#asking) {
      const pattern = subscription.pattern as string;
      const topics = search.of(pattern);
      if (topics === undefined) continue;
      if (!inOrder.has(pattern)) inOrder.set(pattern, this.#values.inOrder(topics));
      this.#asking.delete(subscription);
      this.#found(subscription, inOrder.get(pattern));
      if (performance.now() >= untilMs) return false;
    }
    return true;
  }

  #end(): void {
    this.#search = undefined;
    this.#values.searched();
  }
}
