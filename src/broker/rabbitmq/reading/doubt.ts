/** How long the log may take to show the record seen last before it is taken for another one, in milliseconds. */
const sureWithinMs = 60_000;
/** How long it may take where RabbitMQ has cancelled the follower, as it does when a queue is deleted. In milliseconds. */
const sureWithinAfterCancelMs = 3000;
/** Each session has this long to show it, in milliseconds. */
const sessionMsMin = 1000;
/** How often, one after another, the log has to end before the record seen last until it is taken for another one. */
const shorterMax = 2;

/**
 * How sure it is that the log is the one that was followed before, over all sessions until one shows the record that was seen last:
 * connections that are lost in between do not begin the wait anew. No I/O.
 */
export class Doubt {
  #wasCancelled = false;
  /** How long the sessions that have ended have followed in silence, in milliseconds: one in which RabbitMQ stood still proves nothing. */
  #unsureMs = 0;
  #shorterCount = 0;

  /** How much longer a session may take to show it, in milliseconds. */
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
   * @param isShorter it ends before the record that was seen last
   * @returns whether it is another one
   */
  asked(isShorter: boolean): boolean {
    this.#shorterCount = isShorter ? this.#shorterCount + 1 : 0;
    return this.#shorterCount >= shorterMax;
  }

  /**
   * A session has ended.
   *
   * @param isSure it has shown which log it is
   * @param wasCancelled RabbitMQ has cancelled its consumer
   * @param silentMs how long it has followed a log that did not show what RabbitMQ had confirmed, in milliseconds
   */
  ended(isSure: boolean, wasCancelled: boolean, silentMs: number): void {
    this.#wasCancelled = wasCancelled || (this.#wasCancelled && !isSure);
    this.#unsureMs = isSure ? 0 : this.#unsureMs + silentMs;
  }
}
