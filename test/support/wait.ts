/** How long to sleep between two looks at a condition: little at first, since most that is waited for is there at once. */
const lookAgainMs = { first: 1, most: 20 };

/**
 * How long something is waited for. Time for which this process was held up does not count: on a machine that has much else to
 * do, what is waited for is held up as well.
 */
class Patience {
  #overAt: number;

  constructor(ms: number) {
    this.#overAt = performance.now() + ms;
  }

  get isOver(): boolean {
    return performance.now() >= this.#overAt;
  }

  async sleep(ms: number): Promise<void> {
    const before = performance.now();
    await Bun.sleep(ms);
    this.#overAt += Math.max(0, performance.now() - before - ms);
  }
}

/** What was waited for did not come in time, or came too late. */
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
  const patience = new Patience(timeoutMs);
  for (let sleepMs = lookAgainMs.first; ; sleepMs = Math.min(lookAgainMs.most, 1.5 * sleepMs)) {
    let cause: unknown;
    try {
      const value = await condition();
      if (value) return value;
    } catch (error) {
      cause = error;
    }
    if (patience.isOver) throw new WaitedInVain(`waited ${timeoutMs} ms in vain until ${what}`, { cause });
    await patience.sleep(sleepMs);
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
  let reached = 0;
  const isReached = async () => {
    reached = await count();
    return reached >= goal;
  };
  const where = () => `at ${reached} of ${goal} ${what}`;
  await whileMoving(isReached, () => reached, where, stuckMs);
}

/**
 * Looks at `condition` until it is met. Gives up only when `progress` has not changed for `stuckMs`.
 *
 * @param where says in the failure how far it has come
 */
export async function whileMoving(
  condition: () => boolean | Promise<boolean>,
  progress: () => number,
  where: () => string,
  stuckMs = 20_000,
): Promise<void> {
  let before: number | undefined;
  let patience = new Patience(stuckMs);
  while (!(await condition())) {
    const now = progress();
    if (now !== before) patience = new Patience(stuckMs);
    else if (patience.isOver) throw new WaitedInVain(`nothing moved for ${stuckMs} ms ${where()}`);
    before = now;
    await patience.sleep(lookAgainMs.most);
  }
}

/** The promise's value, or an error that names what was awaited. */
export async function within<T>(promise: Promise<T>, what: string, timeoutMs = 10_000): Promise<T> {
  const { promise: expired, reject } = Promise.withResolvers<never>();
  const inVain = new WaitedInVain(`waited ${timeoutMs} ms in vain for ${what}`);
  // Ticks that come late are not made up for.
  const tickMs = Math.min(50, timeoutMs);
  let leftMs = timeoutMs;
  const timer = setInterval(() => {
    leftMs -= tickMs;
    if (leftMs <= 0) reject(inVain);
  }, tickMs);
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearInterval(timer);
  }
}
