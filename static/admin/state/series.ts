/** Numbers over time, of the last while. */
export class Series {
  readonly #spanMs: number;
  readonly #points: { readonly atMs: number; readonly value: number | undefined }[] = [];

  /** @param spanMs what is older is forgotten, in milliseconds */
  constructor(spanMs: number) {
    this.#spanMs = spanMs;
  }

  /** @param value undefined where there was nothing to measure: a gap */
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
