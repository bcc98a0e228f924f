/**
 * How long until timers of this interval fire, in milliseconds: all of a process at the same moment. Waking up is most of the cost of an
 * idle process, so they wake it up only once.
 *
 * @param nowMs by `performance.now()`
 */
export function untilTick(nowMs: number, eachMs: number): number {
  return eachMs - (nowMs % eachMs);
}
