import type { ClientSocket } from "../clients/client.ts";

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

/** The durable subscriptions at the log's end, as far as their clients are checked. */
export interface AtEnd {
  /** How many subscriptions these are. */
  readonly count: number;
  /** The client of each subscription. One that has several of them comes several times. */
  sockets(): Iterable<ClientSocket>;
}

/**
 * Checks what waits for the clients of durable subscriptions at the log's end before one could exceed the cap: such a subscription should
 * leave it soon if its client does not read. Clients whose subscriptions have left it already are not checked so often, since little is
 * written to them: a thousand slow ones took a millisecond each time.
 */
export class EarlyLooks {
  readonly #room: number;
  readonly #atEnd: () => AtEnd | undefined;
  #sentBytes = 0;
  #lookedMs = Number.NEGATIVE_INFINITY;

  /** @param room how much may wait for one of them, in bytes */
  constructor(room: number, atEnd: () => AtEnd | undefined) {
    this.#room = room;
    this.#atEnd = atEnd;
  }

  /**
   * Notes what was sent to any number of clients at once, in bytes, and tells who is to be checked now: all clients, where there are more
   * subscriptions at the log's end than clients.
   *
   * @param clientCount how many clients there are in all
   */
  due(sentBytes: number, clientCount: number): "nobody" | "at the end" | "all" {
    this.#sentBytes += sentBytes;
    if (this.#sentBytes < this.#room) return "nobody";
    const count = this.#atEnd()?.count ?? 0;
    if (count === 0 || performance.now() - this.#lookedMs < earlyLookMs) return "nobody";
    return count <= clientCount ? "at the end" : "all";
  }

  /** Checks the clients at the log's end. @param crowded called for those for which more waits than may wait there */
  look(crowded: (socket: ClientSocket, waitingBytes: number) => void): void {
    this.looked();
    for (const socket of this.#atEnd()?.sockets() ?? []) {
      const waiting = socket.getBufferedAmount();
      if (waiting > this.#room) crowded(socket, waiting);
    }
  }

  /** These clients, or all clients, are being checked. */
  looked(): void {
    this.#sentBytes = 0;
    this.#lookedMs = performance.now();
  }
}
