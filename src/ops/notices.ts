import type { Fields, Logger } from "./logger.ts";

/** Different values that are logged. Strangers can make up any number of them. */
const valuesMax = 100;
/** A longer value is cut. In characters. */
const valueCharsMax = 200;

/** Warnings that come once for each value, such as an origin that was refused, however often it is met. */
export class Notices {
  readonly #logger: Logger;
  readonly #seen = new Set<string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** @param fields what to say beside the value; it is asked only if the line is written */
  warnOnce(message: string, name: string, value: string, fields: () => Fields): void {
    if (this.#seen.size > valuesMax) return;
    // A copy of its own: a part of a longer text would keep all of it.
    const shown = Buffer.from(value.slice(0, valueCharsMax)).toString();
    const key = `${message}\0${shown}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#logger.warn(message, { [name]: shown, ...fields() });
    if (this.#seen.size > valuesMax) this.#logger.warn("further refusals of this kind are not logged");
  }
}
