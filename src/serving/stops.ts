/** Somebody wants this process to stop. */
export interface Stop {
  /** The cause, such as `SIGTERM`. */
  readonly signal: string;
  /** Before that, the clients leave evenly over this time, in milliseconds. */
  readonly overMs: number;
  /** The request that comes after this one, for nobody asks only once. */
  readonly next: Promise<Stop>;
}

/** Requests to stop, in order. */
export class Stops {
  #next = Promise.withResolvers<Stop>();
  /** The one that begins the stop. */
  readonly first: Promise<Stop> = this.#next.promise;
  /** When the clients will have left by the requests so far, in milliseconds. */
  #leftByMs = Number.POSITIVE_INFINITY;

  /**
   * @param overMs the time over which clients leave before that, in milliseconds
   * @returns the time that they have: less, if an earlier request ends sooner
   */
  ask(signal: string, overMs: number): number {
    const { resolve } = this.#next;
    this.#next = Promise.withResolvers();
    resolve({ signal, overMs, next: this.#next.promise });
    const nowMs = performance.now();
    this.#leftByMs = Math.min(this.#leftByMs, nowMs + overMs);
    return Math.max(0, Math.round(this.#leftByMs - nowMs));
  }
}

/**
 * Has the clients leave as the first request says. A later one counts from then on if its time ends earlier, so that SIGTERM is not
 * left waiting for a drain of an hour.
 *
 * @param leave has them leave over a time, in milliseconds; called again for a shorter one
 * @param onHurry told of each later request that counts
 */
export async function leaveAsAsked(
  first: Stop,
  leave: (overMs: number) => Promise<void>,
  onHurry: (stop: Stop) => void,
): Promise<void> {
  let stop = first;
  let endMs = performance.now() + stop.overMs;
  let left = stop.overMs > 0 ? leave(stop.overMs) : Promise.resolve();
  for (;;) {
    const next: Stop | undefined = await Promise.race([left.then(() => undefined), stop.next]);
    if (next === undefined) return;
    stop = next;
    const nextEndMs = performance.now() + next.overMs;
    if (nextEndMs >= endMs) continue;
    onHurry(next);
    // Those that are left are closed by the stop itself.
    if (next.overMs === 0) return;
    endMs = nextEndMs;
    left = leave(next.overMs);
  }
}
