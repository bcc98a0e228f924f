import { Histogram } from "../ops/histogram.ts";
import type { AnyMetric } from "../ops/metrics.ts";

/** The log is asked this often at most how far it is ahead, and only while somebody looks. In milliseconds. */
const askEachMs = 5000;

/**
 * How far a manager is behind the log: it writes a mark, and sees how long the mark takes to come by and how many records come before
 * it. That is the whole way, RabbitMQ's part included. It is asked when the metrics are, so what they show is of the last time.
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

  /** @param mark calls back when a mark that was written now has come by */
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
        // One that has not come by yet is as late as it is by now.
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
  handedOn(ms: number): void {
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
