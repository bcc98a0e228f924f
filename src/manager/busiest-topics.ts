import type { AnyMetric } from "../ops/metrics.ts";

/** Topics that are shown. */
const shownMax = 10;
/** Topics that are counted at a time. Clients can make up any number of them. */
const countedMax = 200;
/** What is shown is of the last one to two of these, in milliseconds. */
const windowMs = 60_000;
/** The first messages of a window, each of which is counted; after them, one of every `sampleEvery` stands for all of these. */
const exactMax = 1000;
const sampleEvery = 32;

/**
 * The topics to which clients send the most, by estimate: of many messages one in 32 is looked at. When there are more topics than are
 * counted, one that is new takes one from each of the others instead (Misra and Gries), so that a topic with more than a two hundredth of all
 * messages is never missed, and shows at most as many too few.
 */
export class BusiestTopics {
  readonly #now: () => number;
  #counts = new Map<string, number>();
  #before = new Map<string, number>();
  #sinceMs: number;
  #exactLeft = exactMax;
  #sampled = 0;

  /** @param now the time in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#sinceMs = now();
  }

  readonly metric: AnyMetric = {
    name: "warren_busiest_topics_messages",
    type: "gauge",
    help: "Messages that clients sent to the ten busiest topics in the last one to two minutes, by estimate.",
    label: "topic",
    readEach: () => this.#busiest(),
  };

  /** A client sent a message to this topic. */
  sent(topic: string): void {
    if (this.#exactLeft > 0) {
      this.#exactLeft--;
      this.#count(topic, 1);
    } else if (++this.#sampled === sampleEvery) {
      this.#sampled = 0;
      this.#count(topic, sampleEvery);
    }
  }

  #count(topic: string, weight: number): void {
    this.#turn();
    const counts = this.#counts;
    const count = counts.get(topic);
    if (count !== undefined) counts.set(topic, count + weight);
    else if (counts.size >= countedMax) this.#giveUp(weight);
    // A text of its own: a part of a longer one would keep all of it.
    else counts.set(Buffer.from(topic).toString(), weight);
  }

  /** Each gives up one, and those that have none left make room: that costs little, since each can only be taken away once. */
  #giveUp(weight: number): void {
    for (const [topic, count] of this.#counts) {
      if (count > weight) this.#counts.set(topic, count - weight);
      else this.#counts.delete(topic);
    }
  }

  #turn(): void {
    const nowMs = this.#now();
    if (nowMs - this.#sinceMs < windowMs) return;
    this.#before = nowMs - this.#sinceMs < 2 * windowMs ? this.#counts : new Map();
    this.#counts = new Map();
    this.#sinceMs = nowMs;
    this.#exactLeft = exactMax;
  }

  #busiest(): readonly (readonly [string, number])[] {
    this.#turn();
    const sums = new Map(this.#before);
    for (const [topic, count] of this.#counts) sums.set(topic, (sums.get(topic) ?? 0) + count);
    return [...sums].sort(([, one], [, other]) => other - one).slice(0, shownMax);
  }
}
