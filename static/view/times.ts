/** A time of day, with its seconds. */
export const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

/** A time of day, to the millisecond. */
export const fineClock = new Intl.DateTimeFormat(undefined, {
  hour: "numeric",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});

/** `41 ms`, `1.2 s`. */
export function tookOf(ms: number): string {
  if (ms < 1_000) return `${Math.max(1, Math.round(ms))} ms`;
  return `${(ms / 1_000).toFixed(1)} s`;
}
