/** If the log does not show the last record within this time, it counts as another log. In milliseconds. */
const sureWithinMs = 60_000;
/** The same after RabbitMQ has cancelled the follower, as it does when a queue is deleted. In milliseconds. */
const sureWithinAfterCancelMs = 3000;
/** Each session waits at least this long for the record, in milliseconds. */
const sessionMsMin = 1000;
/** If the log ends before the last record this often in a row, it counts as another log. */
const shorterMax = 2;

/**
 * Decides whether the log is still the one that was followed before. The decision spans all sessions until one shows the record that was
 * seen last, so lost connections in between do not restart the wait. No I/O.
 */
export class Doubt {
  #wasCancelled = false;
  /** For how long sessions that have ended waited in vain, in milliseconds. A session in which RabbitMQ stood still does not count. */
  #unsureMs = 0;
  #shorterCount = 0;

  /** How much longer a session may wait for the record, in milliseconds. */
  get leftMs(): number {
    return Math.max(
      sessionMsMin,
      (this.#wasCancelled ? sureWithinAfterCancelMs : sureWithinMs) - this.#unsureMs,
    );
  }

  /** A session begins. */
  opened(): void {
    this.#shorterCount = 0;
  }

  /**
   * The log was asked where it ends.
   *
   * @param isShorter whether it ends before the record that was seen last
   * @returns whether it is another log
   */
  asked(isShorter: boolean): boolean {
    this.#shorterCount = isShorter ? this.#shorterCount + 1 : 0;
    return this.#shorterCount >= shorterMax;
  }

  /**
   * A session has ended.
   *
   * @param isSure whether the session has shown which log it is
   * @param wasCancelled whether RabbitMQ has cancelled its consumer
   * @param silentMs for how long it has followed a log that did not show what RabbitMQ had confirmed, in milliseconds
   */
  ended(isSure: boolean, wasCancelled: boolean, silentMs: number): void {
    this.#wasCancelled = wasCancelled || (this.#wasCancelled && !isSure);
    this.#unsureMs = isSure ? 0 : this.#unsureMs + silentMs;
  }
}
