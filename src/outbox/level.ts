/** Each time that this fraction of the cap has left the outbox, the clients that are held back for their share are looked at. */
const lightenedParts = 64;

/** How full an outbox is, in bytes, and who waits for it to be less so. */
export class Level {
  readonly #bytesMax: number;
  #bytes = 0;
  #wasFull = false;
  /** What has left it since `onLightened` was called. */
  #lighter = 0;
  #whenEmpty: (() => void)[] = [];

  /** Called when it was full and has sunk to half of its cap: those held back may go on. */
  onRelieved: () => void = () => undefined;
  /** Called when a part of what waited has gone since it was called last, and when nothing waits any more. */
  onLightened: () => void = () => undefined;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** What may still wait beside what does; not above zero if it is full. */
  get freeBytes(): number {
    return this.#bytesMax - this.#bytes;
  }

  get isFull(): boolean {
    return this.#bytes >= this.#bytesMax;
  }

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.isFull) this.#wasFull = true;
  }

  /** `settle` follows, once for all that goes together. */
  remove(bytes: number): void {
    this.#bytes -= bytes;
    this.#lighter += bytes;
  }

  /** Lets go of those that wait for it to be less full, or empty. */
  settle(): void {
    if (this.#wasFull && this.#bytes <= this.#bytesMax / 2) {
      this.#wasFull = false;
      this.onRelieved();
    }
    if (this.#lighter >= this.#bytesMax / lightenedParts || this.isEmpty) {
      this.#lighter = 0;
      this.onLightened();
    }
    if (this.isEmpty) for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }

  /** Resolves when it is empty, or after `timeoutMs`: true if it is empty then. */
  async emptied(timeoutMs: number): Promise<boolean> {
    if (this.isEmpty) return true;
    const empty = Promise.withResolvers<void>();
    this.#whenEmpty.push(empty.resolve);
    const timer = setTimeout(empty.resolve, timeoutMs);
    await empty.promise;
    clearTimeout(timer);
    return this.isEmpty;
  }
}
