import type { Sent } from "../envelope/sealing.ts";
import { countSetAside, type SetAside } from "../envelope/set-aside.ts";
import { Histogram } from "../ops/histogram.ts";

/** Counts what became of an outbox's messages, since the start. */
export class Account {
  /** Messages that were appended. */
  publishedCount = 0;
  /** Messages that the broker has confirmed. */
  confirmedCount = 0;
  /** Envelopes written to links, those written again among them. */
  envelopeCount = 0;
  /** Messages that were given up, by reason. */
  readonly setAsideCount = countSetAside();
  /** The time from `append` to the confirm, in seconds. Each message of a pack counts with the time of the pack's first one. */
  readonly confirmSeconds = new Histogram({
    name: "warren_confirm_seconds",
    help: "From when a message was handed to the outbox until RabbitMQ has confirmed it.",
  });
  #givenUpCount = 0;

  /** Messages that are neither confirmed nor given up. */
  get waitingCount(): number {
    return this.publishedCount - this.confirmedCount - this.#givenUpCount;
  }

  /** An envelope is confirmed. @param nowMs by `performance.now()` */
  confirmed({ sinceMs, count }: Pick<Sent, "sinceMs" | "count">, nowMs: number): void {
    this.confirmSeconds.record((nowMs - sinceMs) / 1000, count);
    this.confirmedCount += count;
  }

  /** A message was given up. */
  gaveUp({ reason }: Pick<SetAside, "reason">): void {
    this.setAsideCount.add(reason);
    this.#givenUpCount++;
  }
}
