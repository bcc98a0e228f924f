import type { Fields, Logger } from "./logger.ts";

/** How many different values are logged. Strangers can make up any number of them. */
const valuesMax = 100;
/** Longer values are cut. In characters. */
const valueCharsMax = 200;

/** Warnings that are logged once for each value, such as a refused origin. */
export class Notices {
  readonly #logger: Logger;
  readonly #seen = new Set<string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** @param fields further fields; it is called only if the line is written */
  warnOnce(message: string, name: string, value: string, fields: () => Fields): void {
    if (this.#seen.size > valuesMax) return;
    // Copy the text: a substring would keep the whole text that it is a part of.
    const shown = Buffer.from(value.slice(0, valueCharsMax)).toString();
    const key = `${message}\0${shown}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#logger.warn(message, { [name]: shown, ...fields() });
    if (this.#seen.size > valuesMax) this.#logger.warn("further refusals of this kind are not logged");
  }
}
