/** Rejects after so many milliseconds, unless it is cancelled before. */
export function rejectAfter(
  ms: number,
  why: string,
): { readonly promise: Promise<never>; readonly cancel: () => void } {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(why)), ms);
  promise.catch(() => undefined);
  return { promise, cancel: () => clearTimeout(timer) };
}
