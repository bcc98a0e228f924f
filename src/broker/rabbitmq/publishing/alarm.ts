import type { Logger } from "../../../ops/logger.ts";

/** What to do about RabbitMQ's alarms, by a word of the reason that RabbitMQ gives. */
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
 * An alarm of RabbitMQ over low disk space or memory, during which it takes no messages. One log line says that it is raised and what to
 * do; another says that it is over, how long it took, and how many messages waited.
 */
export class Alarm {
  readonly #logger: Logger;
  readonly #waitingCount: () => number;
  readonly #now: () => number;
  #raised: { readonly reason: string; readonly sinceMs: number } | undefined;

  /**
   * @param waitingCount how many messages wait for RabbitMQ
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
    // It may be raised for another reason too.
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

  /** The connection is lost. RabbitMQ tells the next one of the alarm again. */
  lost(): void {
    this.#raised = undefined;
  }
}
