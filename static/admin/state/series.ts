/** A time series that forgets old points. */
export class Series {
  readonly #spanMs: number;
  readonly #points: { readonly atMs: number; readonly value: number | undefined }[] = [];

  /** @param spanMs older points are forgotten, in milliseconds */
  constructor(spanMs: number) {
    this.#spanMs = spanMs;
  }

  /** @param value undefined if there was nothing to measure, which leaves a gap */
  add(atMs: number, value: number | undefined): void {
    this.#points.push({ atMs, value });
    while (this.#points[0]!.atMs < atMs - this.#spanMs) this.#points.shift();
  }

  get points(): readonly { readonly atMs: number; readonly value: number | undefined }[] {
    return this.#points;
  }

  get last(): number | undefined {
    return this.#points.at(-1)?.value;
  }

  /** Zero if there is none. */
  get max(): number {
    return this.#points.reduce((max, { value = 0 }) => Math.max(max, value), 0);
  }
}
