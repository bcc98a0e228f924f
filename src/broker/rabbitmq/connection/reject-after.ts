/** Makes a promise that rejects after this many milliseconds, counted anew with each `refresh`, unless it is cancelled. */
export function rejectAfter(
  ms: number,
  why: string | (() => string),
): { readonly promise: Promise<never>; readonly refresh: () => void; readonly cancel: () => void } {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(typeof why === "string" ? why : why())), ms);
  promise.catch(() => undefined);
  return { promise, refresh: () => void timer.refresh(), cancel: () => clearTimeout(timer) };
}
