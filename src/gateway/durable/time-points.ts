/** How many points are remembered. Beyond that, every second one is forgotten. */
const pointsMax = 2048;

/** Points that are known in the log: a time, and the offset of the first record that RabbitMQ got then or later. */
export class TimePoints {
  readonly #seconds: number[] = [];
  readonly #offsets: number[] = [];

  get isEmpty(): boolean {
    return this.#seconds.length === 0;
  }

  add(seconds: number, offset: number): void {
    const at = this.#indexOf(seconds);
    if (this.#seconds[at] === seconds) this.#offsets[at] = offset;
    else {
      this.#seconds.splice(at, 0, seconds);
      this.#offsets.splice(at, 0, offset);
    }
    if (this.#seconds.length > pointsMax) this.#downsample();
  }

  /**
   * The offset for a time; undefined if it is not known.
   *
   * @param first the log's first offset, or one that it had before; 0 if it is not known
   */
  at(seconds: number, first: number): number | undefined {
    const at = this.#indexOf(seconds);
    const offset = this.#offsets[at];
    if (offset === undefined || this.#seconds[at] === seconds) return offset;
    // Between two times with the same answer, and before a time whose answer is the log's beginning, the answer is the same too.
    return offset <= first || this.#offsets[at - 1] === offset ? offset : undefined;
  }

  /** An offset that is not too late for a time; undefined if none is known. */
  notAfter(seconds: number): number | undefined {
    const at = this.#indexOf(seconds);
    return this.#seconds[at] === seconds ? this.#offsets[at] : this.#offsets[at - 1];
  }

  clear(): void {
    this.#seconds.length = this.#offsets.length = 0;
  }

  /** The index of the first point that is not before this time. */
  #indexOf(seconds: number): number {
    let low = 0;
    let high = this.#seconds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#seconds[middle]! < seconds) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #downsample(): void {
    const seconds = this.#seconds.filter((_, index) => index % 2 === 0);
    const offsets = this.#offsets.filter((_, index) => index % 2 === 0);
    this.clear();
    this.#seconds.push(...seconds);
    this.#offsets.push(...offsets);
  }
}
