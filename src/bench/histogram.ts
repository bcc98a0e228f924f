/** Each power of two is divided into this many buckets, so a value is told within 1/64, 1.6 %. */
const bucketsPerOctave = 64;
const bucketBits = 6;

/** Over an hour. Longer latencies count as this one. */
const microsMax = 2 ** 32 - 1;

/**
 * Counts latencies in buckets that widen with the value, as HdrHistogram does.
 *
 * `createHistogram` of node:perf_hooks costs about twice as much a value, and recording is done for every delivery.
 */
export class Histogram {
  /** Doubles, because 32 bits overflow after a quarter of an hour at full speed. */
  readonly #counts = new Float64Array((32 - bucketBits + 1) * bucketsPerOctave);
  #total = 0;
  #max = 0;

  record(micros: number): void {
    const value = micros > microsMax ? microsMax : micros > 0 ? Math.floor(micros) : 0;
    const bucket = bucketOf(value);
    this.#counts[bucket] = this.#counts[bucket]! + 1;
    this.#total++;
    if (value > this.#max) this.#max = value;
  }

  get total(): number {
    return this.#total;
  }

  /** The greatest value itself, in whole microseconds. */
  get maxMicros(): number {
    return this.#max;
  }

  /**
   * The value in microseconds that the fraction `quantile` of all values does not exceed: the upper end of its bucket,
   * so that a latency is never told shorter than it was. 0 if nothing was recorded.
   */
  quantileMicros(quantile: number): number {
    const rank = Math.max(1, Math.ceil(quantile * this.#total));
    let seen = 0;
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= rank) return Math.min(upperEndOf(bucket), this.#max);
    }
    return 0;
  }
}

function bucketOf(micros: number): number {
  if (micros < bucketsPerOctave) return micros;
  const octave = 31 - Math.clz32(micros) - bucketBits;
  // The top bit is implied by the octave; the next six are the bucket within it. `>>>` keeps values over 2^31 positive.
  return (octave + 1) * bucketsPerOctave + ((micros >>> octave) & (bucketsPerOctave - 1));
}

function upperEndOf(bucket: number): number {
  if (bucket < bucketsPerOctave) return bucket;
  const octave = Math.floor(bucket / bucketsPerOctave) - 1;
  const lowerEnd = (bucketsPerOctave + (bucket % bucketsPerOctave)) * 2 ** octave;
  return lowerEnd + 2 ** octave - 1;
}
