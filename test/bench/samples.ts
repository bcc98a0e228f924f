/** What one contender showed in a measure, round by round. */
export interface Series {
  readonly contender: string;
  readonly samples: readonly number[];
  /** Why rounds are missing. */
  readonly failures: readonly string[];
}

/** Undefined of nothing. */
export function median(samples: readonly number[]): number | undefined {
  const sorted = samples.toSorted((a, b) => a - b);
  const upper = sorted[sorted.length >> 1];
  if (upper === undefined || sorted.length % 2 === 1) return upper;
  return (upper + sorted[(sorted.length >> 1) - 1]!) / 2;
}
