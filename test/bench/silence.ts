/** Hears when nothing was said for very long: whoever waits for the end of something that hangs would wait for ever. */
export class Silence implements Disposable {
  readonly #msMax: number;
  readonly #onTooLong: (lastSaid: string) => void;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param msMax how long nothing may be said, in milliseconds
   * @param onTooLong is called once, with what was said last
   */
  constructor(msMax: number, onTooLong: (lastSaid: string) => void) {
    this.#msMax = msMax;
    this.#onTooLong = onTooLong;
    this.broken("nothing");
  }

  /** Something was said. */
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

/** Ends the process, and so all that it has started, when nothing was said for so long that a case must hang. */
export function endIfSilent(): Silence {
  return new Silence(silentMsMax, (lastSaid) => {
    process.stderr.write(
      `it hangs: nothing was said for ${silentMsMax / 60_000} minutes after "${lastSaid}"\n`,
    );
    process.exit(1);
  });
}
