import type { AnyMetric } from "../ops/metrics.ts";

/** How many topics are shown. */
const shownMax = 10;
/** How many topics are counted at a time. Clients can make up any number of them. */
const countedMax = 200;
/** Two windows are kept, the current one and the one before, so the metric covers the last one to two minutes. In milliseconds. */
const windowMs = 60_000;
/** The first messages of a window are all counted. After them, one of every `sampleEvery` is counted, with that weight. */
const exactMax = 1000;
const sampleEvery = 32;

/**
 * The topics to which clients send the most, estimated by sampling. When more topics come than are counted, a new topic takes one from each
 * of the others instead of an entry of its own (Misra and Gries). So a topic with more than a two hundredth of all messages is never
 * missed, and its count is too low by at most that much.
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
    // Copy the text: a substring would keep the whole text that it is a part of.
    else counts.set(Buffer.from(topic).toString(), weight);
  }

  /** Takes `weight` from every topic and drops those with nothing left. This costs little, since each count can be taken away only once. */
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
