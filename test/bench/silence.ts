/** A watchdog: it reports when nothing was logged for very long, since a case that hangs would never end. */
export class Silence implements Disposable {
  readonly #msMax: number;
  readonly #onTooLong: (lastSaid: string) => void;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param msMax how long nothing may be logged, in milliseconds
   * @param onTooLong called once, with the last line
   */
  constructor(msMax: number, onTooLong: (lastSaid: string) => void) {
    this.#msMax = msMax;
    this.#onTooLong = onTooLong;
    this.broken("nothing");
  }

  /** Something was logged. */
  broken(line: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#onTooLong(line), this.#msMax);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

/** No turn of any case takes as long, in milliseconds. */
const silentMsMax = 10 * 60_000;

/** Ends the process, and so all that it has started, when nothing was logged for longer than any case takes. */
export function endIfSilent(): Silence {
  return new Silence(silentMsMax, (lastSaid) => {
    process.stderr.write(
      `it hangs: nothing was said for ${silentMsMax / 60_000} minutes after "${lastSaid}"\n`,
    );
    process.exit(1);
  });
}
