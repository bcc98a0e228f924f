import type { Fields, Logger } from "../../../ops/logger.ts";

/** RabbitMQ that stays away is told of after so long, then after twice as long each time, up to the second. In milliseconds. */
const stillAway = { firstMs: 15_000, mostMs: 300_000 } as const;

/**
 * What is said about losing RabbitMQ: one line when the first link of this process is lost, and one when the last is back, with how
 * long it was and how much waited. In an outage that lasts there is a line now and then with the reason as it is by then: what is first
 * a lost connection may be a queue that cannot be declared later. All else is printed with `--log-level debug`.
 */
export class Outage {
  readonly #logger: Logger;
  readonly #waitingCount: () => number;
  readonly #now: () => number;
  /** The names of the links that are away. */
  readonly #away = new Set<string>();
  #sinceMs = 0;
  /** When it is told of again that RabbitMQ is away, and how long after that once more. */
  #tellAtMs = 0;
  #againMs = 0;
  /** The most messages that were seen to wait since then. */
  #waited = 0;

  /**
   * @param waitingCount messages that wait for RabbitMQ
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
