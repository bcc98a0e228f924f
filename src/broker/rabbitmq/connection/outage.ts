import type { Fields, Logger } from "../../../ops/logger.ts";

/** If RabbitMQ stays away, this is logged after the first interval, then after twice as long each time, up to the second. In milliseconds. */
const stillAway = { firstMs: 15_000, mostMs: 300_000 } as const;

/**
 * Logs the loss of RabbitMQ: one line when the first link of this process is lost, and one when the last is back, with how long that took
 * and how many messages waited. During a long outage there is a line now and then with the current reason: what begins as a lost connection
 * may turn into a queue that cannot be declared. Everything else is logged with `--log-level debug`.
 */
export class Outage {
  readonly #logger: Logger;
  readonly #waitingCount: () => number;
  readonly #now: () => number;
  /** The names of the links that are away. */
  readonly #away = new Set<string>();
  #sinceMs = 0;
  /** When the outage is logged again, and the interval after that. */
  #tellAtMs = 0;
  #againMs = 0;
  /** The most messages that were seen waiting since then. */
  #waited = 0;

  /**
   * @param waitingCount how many messages wait for RabbitMQ
   * @param now the time in milliseconds
   */
  constructor(logger: Logger, waitingCount: () => number, now: () => number = () => performance.now()) {
    this.#logger = logger;
    this.#waitingCount = waitingCount;
    this.#now = now;
  }

  /** A link was lost, or could still not be opened. */
  lost(link: string, message: string, fields: Fields): void {
    if (this.#away.size === 0) {
      this.#sinceMs = this.#now();
      this.#againMs = stillAway.firstMs;
      this.#tellAtMs = this.#sinceMs + this.#againMs;
      this.#waited = 0;
      this.#logger.warn(message, { connection: link, ...fields });
    } else if (this.#now() >= this.#tellAtMs) {
      this.#againMs = Math.min(2 * this.#againMs, stillAway.mostMs);
      this.#tellAtMs = this.#now() + this.#againMs;
      this.#logger.warn("broker still away", { connection: link, ...fields, awaySeconds: this.#awaySeconds });
    } else {
      this.#logger.debug(this.#away.has(link) ? "broker still away" : message, {
        connection: link,
        ...fields,
      });
    }
    this.#away.add(link);
    this.#look();
  }

  /** A link is open, for the first time or again. */
  open(link: string, fields: Fields): void {
    this.#look();
    const wasAway = this.#away.delete(link);
    if (wasAway && this.#away.size === 0) {
      this.#logger.info("broker is back", {
        connection: link,
        ...fields,
        awaySeconds: this.#awaySeconds,
        messagesWaited: this.#waited,
      });
    } else this.#logger.debug("broker connected", { connection: link, ...fields });
  }

  /** Rounded to tenths. */
  get #awaySeconds(): number {
    return Math.round((this.#now() - this.#sinceMs) / 100) / 10;
  }

  #look(): void {
    this.#waited = Math.max(this.#waited, this.#waitingCount());
  }
}
