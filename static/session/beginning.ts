/** Where in the log a subscription of the page may begin. */
export const beginnings = ["next", "five-minutes", "last-50", "first"] as const;
/** One of these beginnings. */
export type Beginning = (typeof beginnings)[number];

/** A beginning as a value of `x-stream-offset`. */
export function offsetOf(beginning: Beginning, nowMs: number): string {
  switch (beginning) {
    case "next":
    case "first":
      return beginning;
    case "five-minutes":
      return `timestamp=${Math.floor(nowMs / 1000) - 300}`;
    case "last-50":
      return "last=50";
  }
}

/** A beginning in words. */
export function beginningInWords(beginning: Beginning): string {
  return {
    next: "From now on",
    "five-minutes": "From five minutes ago",
    "last-50": "From the last 50 messages",
    first: "From the beginning of the log",
  }[beginning];
}
