/** A contender's figures of one measure, round by round. */
export interface Series {
  readonly contender: string;
  readonly samples: readonly number[];
  /** Why rounds are missing. */
  readonly failures: readonly string[];
}

/** The mean of the middle four fifths, for figures that vary in steps, such as by one more garbage collection. Undefined without figures. */
export function middleMean(samples: readonly number[]): number | undefined {
  const cut = Math.floor(samples.length / 10);
  const middle = samples.toSorted((a, b) => a - b).slice(cut, samples.length - cut);
  return middle.length === 0 ? undefined : middle.reduce((sum, one) => sum + one, 0) / middle.length;
}

/** The median; undefined without figures. */
export function median(samples: readonly number[]): number | undefined {
  const sorted = samples.toSorted((a, b) => a - b);
  const upper = sorted[sorted.length >> 1];
  if (upper === undefined || sorted.length % 2 === 1) return upper;
  return (upper + sorted[(sorted.length >> 1) - 1]!) / 2;
}
