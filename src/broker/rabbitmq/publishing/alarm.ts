import type { Logger } from "../../../ops/logger.ts";

/** What to do about RabbitMQ's alarms, by a word of the reason that it gives. */
const remedies = [
  [
    "disk",
    "free disk space where RabbitMQ keeps its data: it takes messages again above its disk_free_limit (rabbitmq-diagnostics status)",
  ],
  [
    "memory",
    "RabbitMQ has more in memory than its vm_memory_high_watermark allows: give it more, or have its queues emptied (rabbitmq-diagnostics status)",
  ],
] as const;

/**
 * An alarm of RabbitMQ's, for want of disk space or memory, during which it takes no messages. One line says that it is raised and what to
 * do, one that it is over, with how long it was and how much waited.
 */
export class Alarm {
  readonly #logger: Logger;
  readonly #waitingCount: () => number;
  readonly #now: () => number;
  #raised: { readonly reason: string; readonly sinceMs: number } | undefined;

  /**
   * @param waitingCount messages that wait for RabbitMQ
   * @param now the time in milliseconds
   */
  constructor(logger: Logger, waitingCount: () => number, now: () => number = () => performance.now()) {
    this.#logger = logger;
    this.#waitingCount = waitingCount;
    this.#now = now;
  }

  /** Why RabbitMQ takes no messages; undefined if it does. */
  get why(): string | undefined {
    return this.#raised === undefined ? undefined : `RabbitMQ does not take messages: ${this.#raised.reason}`;
  }

  /** @param reason in RabbitMQ's words, such as "low on disk" */
  raised(reason: string): void {
    // It may be raised for another reason as well.
    if (this.#raised?.reason === reason) return;
    this.#raised = { reason, sinceMs: this.#raised?.sinceMs ?? this.#now() };
    const [, mend] = remedies.find(([word]) => reason.includes(word)) ?? [];
    this.#logger.warn("RabbitMQ takes no messages: what is published waits", { reason, mend });
  }

  cleared(): void {
    if (this.#raised === undefined) return;
    const afterSeconds = Math.round((this.#now() - this.#raised.sinceMs) / 100) / 10;
    this.#raised = undefined;
    this.#logger.info("RabbitMQ takes messages again", {
      afterSeconds,
      messagesWaited: this.#waitingCount(),
    });
  }

  /** The connection is lost: the next one is told of the alarm anew. */
  lost(): void {
    this.#raised = undefined;
  }
}
