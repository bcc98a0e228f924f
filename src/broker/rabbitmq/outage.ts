import type { Fields, Logger } from "../../ops/logger.ts";

/**
 * What is said about losing RabbitMQ: one line when the first link of this process is lost, and one when the last is back.
 * What happens in between is for whoever asks for more (`--log-level debug`).
 */
export class Outage {
  readonly #logger: Logger;
  /** The names of the links that are away. */
  readonly #away = new Set<string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** A link was lost, or could still not be opened. */
  lost(link: string, message: string, fields: Fields): void {
    if (this.#away.size === 0) this.#logger.warn(message, { connection: link, ...fields });
    else
      this.#logger.debug(this.#away.has(link) ? "broker still away" : message, {
        connection: link,
        ...fields,
      });
    this.#away.add(link);
  }

  /** A link is open, for the first time or again. */
  open(link: string, fields: Fields): void {
    const wasAway = this.#away.delete(link);
    if (wasAway && this.#away.size === 0)
      this.#logger.info("broker is back", { connection: link, ...fields });
    else this.#logger.debug("broker connected", { connection: link, ...fields });
  }
}
