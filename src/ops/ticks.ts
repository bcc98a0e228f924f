/**
 * How long until timers of this length come round, in milliseconds: for all of a process in the same moment. To be woken up is most of what an
 * idle process costs, and so they wake it up once.
 *
 * @param nowMs by `performance.now()`
 */
export function untilTick(nowMs: number, eachMs: number): number {
  return eachMs - (nowMs % eachMs);
}
