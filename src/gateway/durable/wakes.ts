/** How often some go on, in milliseconds. */
const everyMs = 20;
/** Which part of those that wait goes on each time, and how many at least: of a thousand the last one after 1.2 s. */
const share = 1 / 16;
const leastCount = 4;

/**
 * Slow readers that may go on, by turns. Programs that are written to alike read alike, so hundreds of them have room in the same instant.
 * What was read for them from the log then, and what they read themselves, took the cores for some hundred milliseconds, in which everybody
 * else's messages were late.
 *
 * @typeParam Reader what goes on
 */
export class Wakes<Reader> {
  readonly #waiting = new Set<Reader>();
  readonly #goOn: (reader: Reader) => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(goOn: (reader: Reader) => void) {
    this.#goOn = goOn;
  }

  /** Lets it go on when it is its turn. One that waits keeps its place. */
  add(reader: Reader): void {
    this.#waiting.add(reader);
    this.#timer ??= setInterval(() => this.#wake(), everyMs);
  }

  /** It does not wait any more. */
  delete(reader: Reader): void {
    this.#waiting.delete(reader);
    if (this.#waiting.size === 0) this.close();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#waiting.clear();
  }

  #wake(): void {
    let left = Math.max(leastCount, Math.ceil(this.#waiting.size * share));
    for (const reader of this.#waiting) {
      this.delete(reader);
      this.#goOn(reader);
      if (--left === 0) return;
    }
  }
}
