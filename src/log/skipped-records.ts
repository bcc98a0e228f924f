import type { Envelope } from "../envelope/envelope.ts";
import { reasonOf } from "../errors.ts";
import type { Logger } from "../ops/logger.ts";
import type { LogRecord } from "./record.ts";

/** The least time between two warnings of skipped records, in milliseconds: a program that sends one such record sends many. */
const warningIntervalMs = 1000;

/** Counts the records that are skipped because they cannot be read, and warns of them. */
export class SkippedRecords {
  readonly #logger: Logger;
  #quietUntilMs = 0;
  #skippedQuietly = 0;
  #count = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get count(): number {
    return this.#count;
  }

  skip({ offset, exchange }: LogRecord, { appId }: Envelope, error: unknown): void {
    this.#count++;
    const nowMs = performance.now();
    if (nowMs < this.#quietUntilMs) {
      this.#skippedQuietly++;
      return;
    }
    this.#quietUntilMs = nowMs + warningIntervalMs;
    this.#logger.warn("unreadable message skipped", {
      exchange,
      offset,
      app: appId,
      reason: reasonOf(error),
      ...(this.#skippedQuietly === 0 ? {} : { skippedBefore: this.#skippedQuietly }),
    });
    this.#skippedQuietly = 0;
  }
}
