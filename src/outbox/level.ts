/** `onProgress` is called each time that this fraction of the cap has left the outbox. */
const progressParts = 64;

/** How full an outbox is, in bytes, and what to call when that changes. */
export class Level {
  readonly #bytesMax: number;
  #bytes = 0;
  #wasFull = false;
  /** How many bytes have left since `onProgress` was called last. */
  #leftBytes = 0;
  #whenEmpty: (() => void)[] = [];

  /** Called when the outbox was full and has sunk to half of its cap: clients that were held back may go on. */
  onLowWatermark: () => void = () => undefined;
  /** Called whenever a certain part of the cap has left the outbox, and when it becomes empty. */
  onProgress: () => void = () => undefined;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** How much more may wait; zero or less if the outbox is full. */
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

  /** Removes bytes. Call `settle` afterwards, once for all that leave together. */
  remove(bytes: number): void {
    this.#bytes -= bytes;
    this.#leftBytes += bytes;
  }

  /** Calls those that wait for the outbox to be less full, or empty. */
  settle(): void {
    if (this.#wasFull && this.#bytes <= this.#bytesMax / 2) {
      this.#wasFull = false;
      this.onLowWatermark();
    }
    if (this.#leftBytes >= this.#bytesMax / progressParts || this.isEmpty) {
      this.#leftBytes = 0;
      this.onProgress();
    }
    if (this.isEmpty) for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }

  /** Resolves when the outbox is empty, or after `timeoutMs`: true if it is empty then. */
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
