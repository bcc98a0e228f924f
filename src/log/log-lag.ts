import { Histogram } from "../ops/histogram.ts";
import type { AnyMetric } from "../ops/metrics.ts";

/** The lag is measured at most this often, and only while metrics are read. In milliseconds. */
const askEachMs = 5000;

/**
 * Measures how far a manager lags behind the log: it writes a mark, and notes how long the mark takes to come back and how many records
 * come before it. That covers the whole way, including RabbitMQ. Reading the metrics starts a measurement, so they show the result of the
 * one before.
 */
export class LogLag {
  readonly #mark: (then: (offset: number) => void) => void;
  readonly #delivery = new Histogram({
    name: "warren_log_delivery_seconds",
    help: "From when a record of the log was read until it was written to all of its clients' sockets, or to where they wait.",
  });
  #recordCount = 0;
  #askedMs: number | undefined;
  #answeredMs = Number.NEGATIVE_INFINITY;
  #recordsAtAsk = 0;
  #lagMs = 0;
  #lagRecords = 0;

  /** @param mark calls back when a mark that is written now has come back */
  constructor(mark: (then: (offset: number) => void) => void) {
    this.#mark = mark;
  }

  readonly metrics: readonly AnyMetric[] = [
    {
      name: "warren_log_lag_seconds",
      type: "gauge",
      help: "How long a record takes from here through RabbitMQ's log and back, as of the last time that this was asked.",
      read: () => {
        this.#ask();
        // A mark that has not come back yet is late by at least this long.
        const waitingMs = this.#askedMs === undefined ? 0 : performance.now() - this.#askedMs;
        return Math.max(this.#lagMs, waitingMs) / 1000;
      },
    },
    {
      name: "warren_log_lag_records",
      type: "gauge",
      help: "Records of the log that came before the last mark: this manager was no further behind the log's end than that.",
      read: () =>
        this.#askedMs === undefined
          ? this.#lagRecords
          : Math.max(this.#lagRecords, this.#recordCount - this.#recordsAtAsk),
    },
    {
      name: "warren_log_records_total",
      type: "counter",
      help: "Records of the log that were read, each a message or a pack.",
      read: () => this.#recordCount,
    },
    this.#delivery.metric,
  ];

  /** @param ms how long it took to hand a record on */
  forwarded(ms: number): void {
    this.#recordCount++;
    this.#delivery.record(ms / 1000);
  }

  #ask(): void {
    const nowMs = performance.now();
    if (this.#askedMs !== undefined || nowMs - this.#answeredMs < askEachMs) return;
    this.#askedMs = nowMs;
    this.#recordsAtAsk = this.#recordCount;
    this.#mark(() => {
      this.#answeredMs = performance.now();
      this.#lagMs = this.#answeredMs - nowMs;
      this.#lagRecords = this.#recordCount - this.#recordsAtAsk;
      this.#askedMs = undefined;
    });
  }
}
