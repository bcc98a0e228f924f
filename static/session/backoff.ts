/** The first wait is anything up to this long. */
export const backoffBaseMs = 500;

/** No wait is longer than this: a person looks at the page and should not believe it dead. */
export const backoffCapMs = 15_000;

/**
 * Exponential backoff with full jitter: anything between nothing and a ceiling that doubles per attempt, so
 * that a thousand pages whose manager went away do not come back in step.
 */
export function backoffMs(attempt: number, random: () => number): number {
  return Math.round(random() * Math.min(backoffCapMs, backoffBaseMs * 2 ** attempt));
}
