/**
 * Makes a promise that rejects after this many milliseconds, counted anew with each `refresh`, unless it is cancelled.
 *
 * @param isPaused asked when the time is over; while it is true, the time is counted anew
 */
export function rejectAfter(
  ms: number,
  why: string | (() => string),
  isPaused: () => boolean = () => false,
): { readonly promise: Promise<never>; readonly refresh: () => void; readonly cancel: () => void } {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    if (isPaused()) timer.refresh();
    else reject(new Error(typeof why === "string" ? why : why()));
  }, ms);
  promise.catch(() => undefined);
  return { promise, refresh: () => void timer.refresh(), cancel: () => clearTimeout(timer) };
}
