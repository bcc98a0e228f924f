/** How long to wait between attempts: exponential with full jitter, so that many waiting at once spread out. */
export interface BackoffLimits {
  /** The first wait is at most this, in milliseconds. */
  readonly firstMs: number;
  /** No wait is longer than this, in milliseconds. */
  readonly mostMs: number;
}

/**
 * The wait before attempt number `attempt` (from 1): a random time up to `firstMs · 2^(attempt-1)`, capped by
 * `mostMs`, and at least a tenth of that bound so that it never spins.
 *
 * @param random from 0 up to 1
 */
export function backoffMs(attempt: number, { firstMs, mostMs }: BackoffLimits, random: number): number {
  const bound = Math.min(mostMs, firstMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(bound * (0.1 + 0.9 * random));
}
