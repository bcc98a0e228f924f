import type { Body } from "../../message.ts";
import type { Outflow } from "./outflow.ts";

/** How much is gathered before it is written, in characters or bytes. */
const sizeMax = 16 * 1024;
/**
 * The same for a client that reads slowly. What was written lies in memory until the network has taken it, and a slow client reads no faster
 * if there is more of it.
 */
const slowSizeMax = 4 * 1024;
/** A client stops counting as slow once the network has taken this many full batches at once, one after another. */
const quickBatches = 32;

/**
 * What a subscription has gathered for its client and not written yet.
 *
 * @typeParam Subscription whose it is
 */
export class Unwritten<Subscription> {
  readonly #outflow: Outflow<Subscription>;
  #frames: Body[] = [];
  #size = 0;
  /** After how many batches the client no longer counts as slow. */
  #slowFor = 0;

  constructor(outflow: Outflow<Subscription>) {
    this.#outflow = outflow;
  }

  /** In bytes; text counts in characters. */
  get size(): number {
    return this.#size;
  }

  /** Whether there is enough to write. */
  get isFull(): boolean {
    return this.#size >= Math.min(this.#slowFor > 0 ? slowSizeMax : sizeMax, this.#outflow.room);
  }

  /** @param size what the frame counts as, in bytes or characters */
  add(frame: Body, size: number): void {
    this.#frames.push(frame);
    this.#size += size;
    this.#outflow.gathered(size);
  }

  /** Writes everything, in one piece. Returns false if the client has to read before more is written. */
  flush(): boolean {
    const { isFull } = this;
    this.write();
    const { isDrained } = this.#outflow;
    // What is less than a batch is taken at once from a slow client, too.
    if (this.#slowFor > 0 && (isFull || !isDrained))
      this.#slowFor = isDrained ? this.#slowFor - 1 : quickBatches;
    return isDrained;
  }

  /** Writes everything, in one piece. Call this instead of `flush` if nothing more is to be written. */
  write(): void {
    const size = this.#size;
    if (this.#frames.length > 0) this.#outflow.write(this.take(), size);
  }

  /** Empties it. Returns what was in it, which is not written. */
  take(): readonly Body[] {
    const frames = this.#frames;
    this.#frames = [];
    this.#size = 0;
    return frames;
  }

  /** The client took long to read what had been written. Until it is quicker, less is written at once. */
  clientWasSlow(): void {
    this.#slowFor = quickBatches;
  }
}
