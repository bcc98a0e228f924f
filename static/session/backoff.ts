/** The first wait is a random time up to this, in milliseconds. */
export const backoffBaseMs = 500;

/** No wait is longer than this, in milliseconds, since the page would look dead. */
export const backoffCapMs = 15_000;

/**
 * Exponential backoff with full jitter: a random time up to a ceiling that doubles with each attempt, so that a thousand pages whose
 * manager was lost do not reconnect at the same moment.
 */
export function backoffMs(attempt: number, random: () => number): number {
  return Math.round(random() * Math.min(backoffCapMs, backoffBaseMs * 2 ** attempt));
}
