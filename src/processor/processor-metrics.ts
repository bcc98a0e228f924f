import { Histogram } from "../ops/histogram.ts";
import { type AnyMetric, LabelledCounter } from "../ops/metrics.ts";
import type { Outcome } from "./attempts.ts";

/** The processor's state, read when metrics are requested. */
export interface ProcessorState {
  /** How many handlers run. */
  readonly handlersRunning: number;
  /** How many deliveries are not acknowledged. */
  readonly deliveriesOpen: number;
  /** What the deliveries take, in bytes. */
  readonly heldBytes: number;
  /** How many messages wait in the group's queue; undefined while that is unknown. */
  readonly queued: number | undefined;
}

const outcomes = ["answered", "failed", "expired"] as const;

/** Counts a processor's work. */
export class ProcessorMetrics {
  readonly #outcomes = new LabelledCounter(
    {
      name: "warren_handled_total",
      help: "Messages that this processor is done with, by outcome: answered, failed in every attempt, or expired before their turn.",
      label: "outcome",
    },
    outcomes,
  );
  readonly #handler = new Histogram({
    name: "warren_handler_seconds",
    help: "From the first call of the handler with a message until it is done or has failed for good, waits between attempts among it.",
  });
  readonly #answer = new Histogram({
    name: "warren_answer_seconds",
    help: "From the delivery of a message to this processor until RabbitMQ has confirmed its answers.",
  });
  #failedAttempts = 0;
  #retries = 0;
  #deadLettered = 0;
  #ageSeconds = 0;

  constructor(state: ProcessorState) {
    this.all = [
      this.#outcomes.metric,
      this.#handler.metric,
      this.#answer.metric,
      counter(
        "warren_handler_failures_total",
        "Attempts of the handler that failed.",
        () => this.#failedAttempts,
      ),
      counter(
        "warren_handler_retries_total",
        "Attempts of the handler after the first one.",
        () => this.#retries,
      ),
      counter("warren_dead_lettered_total", "Messages put into wsmanager.dead.", () => this.#deadLettered),
      gauge(
        "warren_handlers_running",
        "Messages whose handling has begun and has not ended.",
        () => state.handlersRunning,
      ),
      gauge(
        "warren_deliveries_unacknowledged",
        "AMQP messages that this processor holds.",
        () => state.deliveriesOpen,
      ),
      gauge("warren_held_bytes", "What the messages take that this processor holds.", () => state.heldBytes),
      gauge(
        "warren_queue_messages",
        "Messages in the group's queue that no processor has yet, as of the last time that this was asked.",
        () => state.queued ?? Number.NaN,
      ),
      gauge(
        "warren_queue_age_seconds",
        "How old the message was that was delivered last, by its own timestamp in whole seconds.",
        () => this.#ageSeconds,
      ),
    ];
  }

  readonly all: readonly AnyMetric[];

  /** @param timestamp when it was published, in seconds since 1970 */
  delivered(timestamp: number | undefined): void {
    if (timestamp !== undefined) this.#ageSeconds = Math.max(0, Math.floor(Date.now() / 1000) - timestamp);
  }

  /** An attempt has failed. @param attempt its number, from 1 */
  failed(attempt: number): void {
    this.#failedAttempts++;
    if (attempt > 1) this.#retries++;
  }

  /** @param ms how long it took */
  handled({ is }: Outcome, ms: number): void {
    this.#outcomes.add(is);
    this.#handler.record(ms / 1000);
  }

  expired(): void {
    this.#outcomes.add("expired");
  }

  deadLettered(): void {
    this.#deadLettered++;
  }

  /** @param ms since it was delivered */
  done(ms: number): void {
    this.#answer.record(ms / 1000);
  }
}

function counter(name: string, help: string, read: () => number): AnyMetric {
  return { name, type: "counter", help, read };
}

function gauge(name: string, help: string, read: () => number): AnyMetric {
  return { name, type: "gauge", help, read };
}
