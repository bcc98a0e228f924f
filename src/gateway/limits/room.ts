/**
 * What may wait for a client at the log's end before its durable subscriptions leave it. In bytes, besides what the kernel takes: it is kept
 * for each of perhaps very many that read slowly, and those that read fast have nothing waiting here.
 */
const roomMax = 16 * 1024;
/** What may wait for a client that is told who is on a topic before it is told anew instead. In bytes: several parts of a snapshot. */
const presenceRoomMax = 128 * 1024;
/** The least time between two early looks at all clients. In milliseconds. */
const earlyLookMs = 50;

/** What may wait for a client before its durable subscriptions are written to no more, in bytes. Well below what cuts it off. */
export function roomFor(clientBufferBytes: number): number {
  return Math.min(roomMax, clientBufferBytes / 4);
}

/** What may wait for a client that is told who is on a topic, before it is told no more. In bytes. */
export function presenceRoomFor(clientBufferBytes: number): number {
  return Math.min(presenceRoomMax, clientBufferBytes / 4);
}

/**
 * When all clients are looked at before somebody could be beyond the cap: as long as durable subscriptions are at the log's end, since these are
 * to leave it soon where their client does not read.
 */
export class EarlyLooks {
  readonly #room: number;
  readonly #isAnybodyAtEnd: () => boolean;
  #lookedMs = Number.NEGATIVE_INFINITY;

  /**
   * @param room what may wait for one of them, in bytes
   * @param isAnybodyAtEnd whether any durable subscription is at the log's end
   */
  constructor(room: number, isAnybodyAtEnd: () => boolean) {
    this.#room = room;
    this.#isAnybodyAtEnd = isAnybodyAtEnd;
  }

  /** @param sentBytes what was sent to each client at most since all were looked at */
  isDue(sentBytes: number): boolean {
    if (sentBytes < this.#room || !this.#isAnybodyAtEnd()) return false;
    return performance.now() - this.#lookedMs >= earlyLookMs;
  }

  /** All are looked at now. */
  looked(): void {
    this.#lookedMs = performance.now();
  }
}
