/** How long to sleep between two looks at a condition: little at first, since most that is waited for is there at once. */
const lookAgainMs = { first: 1, most: 20 };

/** What was waited for did not come in time. */
export class WaitedInVain extends Error {}

/**
 * Looks at `condition` until it is truthy and returns what it was. A condition that throws counts as not met yet,
 * and its error becomes the cause of the failure, so that "what" and "why" both show in the report.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  what: string,
  timeoutMs = 10_000,
): Promise<NonNullable<T>> {
  const giveUpAt = performance.now() + timeoutMs;
  for (let sleepMs = lookAgainMs.first; ; sleepMs = Math.min(lookAgainMs.most, 1.5 * sleepMs)) {
    let cause: unknown;
    try {
      const value = await condition();
      if (value) return value;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= giveUpAt)
      throw new WaitedInVain(`waited ${timeoutMs} ms in vain until ${what}`, { cause });
    await Bun.sleep(sleepMs);
  }
}

/**
 * Looks at `count` until it is at least `goal`. Gives up only when it has not moved for `stuckMs`: a busy machine needs longer for
 * many, and gets there.
 */
export async function untilCount(
  count: () => number | Promise<number>,
  goal: number,
  what: string,
  stuckMs = 20_000,
): Promise<void> {
  let reached = await count();
  let movedAt = performance.now();
  while (reached < goal) {
    if (performance.now() - movedAt > stuckMs)
      throw new WaitedInVain(`nothing moved for ${stuckMs} ms at ${reached} of ${goal} ${what}`);
    await Bun.sleep(lookAgainMs.most);
    const now = await count();
    if (now !== reached) movedAt = performance.now();
    reached = now;
  }
}

/** The promise's value, or an error that names what was awaited. */
export async function within<T>(promise: Promise<T>, what: string, timeoutMs = 10_000): Promise<T> {
  const { promise: expired, reject } = Promise.withResolvers<never>();
  const inVain = new WaitedInVain(`waited ${timeoutMs} ms in vain for ${what}`);
  const timer = setTimeout(() => reject(inVain), timeoutMs);
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}
