/**
 * How much may wait for a client before its durable subscriptions write no more. In bytes, besides what the kernel takes. This is kept for
 * each of perhaps very many clients that read slowly; for those that read fast, nothing waits here.
 */
const roomMax = 16 * 1024;
/**
 * The same at the log's end, where Bun publishes to it without asking, and its buffer for a client doubles when it is full: until all
 * clients are checked again, several times as much is kept for each.
 */
const endRoomMax = 4 * 1024;
/** How much may wait for a client with presence subscriptions before they start again. In bytes: several parts of a snapshot. */
const presenceRoomMax = 128 * 1024;
/** The least time between two early checks of all clients. In milliseconds. */
const earlyLookMs = 50;

/** How much may wait for a client before its durable subscriptions write no more, in bytes. This is well below the limit at which it is cut off. */
export function roomFor(clientBufferBytes: number): number {
  return Math.min(roomMax, clientBufferBytes / 4);
}

/** How much may wait for a client at the log's end before its durable subscriptions leave it. In bytes. */
export function endRoomFor(clientBufferBytes: number): number {
  return Math.min(endRoomMax, clientBufferBytes / 4);
}

/** How much may wait for a client before its presence subscriptions write no more. In bytes. */
export function presenceRoomFor(clientBufferBytes: number): number {
  return Math.min(presenceRoomMax, clientBufferBytes / 4);
}

/**
 * Decides when all clients are checked before one could exceed the cap. This is needed while durable subscriptions are at the log's end,
 * since they should leave it soon if their client does not read.
 */
export class EarlyLooks {
  readonly #room: number;
  readonly #isAnybodyAtEnd: () => boolean;
  #lookedMs = Number.NEGATIVE_INFINITY;

  /**
   * @param room how much may wait for one of them, in bytes
   * @param isAnybodyAtEnd whether any durable subscription is at the log's end
   */
  constructor(room: number, isAnybodyAtEnd: () => boolean) {
    this.#room = room;
    this.#isAnybodyAtEnd = isAnybodyAtEnd;
  }

  /** @param sentBytes the most that was sent to a single client since all were checked */
  isDue(sentBytes: number): boolean {
    if (sentBytes < this.#room || !this.#isAnybodyAtEnd()) return false;
    return performance.now() - this.#lookedMs >= earlyLookMs;
  }

  /** All clients are being checked. */
  looked(): void {
    this.#lookedMs = performance.now();
  }
}
