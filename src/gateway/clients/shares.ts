import type { Share } from "../../envelope/share.ts";
import type { Backpressure } from "./backpressure.ts";
import type { ClientSocket } from "./client.ts";
import type { Holds } from "./holds.ts";

/** What any client may have waiting as long as the outbox is not full. In bytes. */
const anyonesBytes = 16 * 1024;

/** The place where what clients publish waits for the broker. */
interface Room {
  /** Not above zero if it is full. In bytes. */
  readonly freeBytes: number;
}

/**
 * What of the outbox one client may take: no more than it leaves free. So one that floods has half of it, and fifty have fifty of
 * 51 parts, and those that publish little always find room. A client with more waiting is not read from until it has half as
 * much as is free by then; only when the outbox is full all the same are all of them held back (`Backpressure`).
 *
 * What was read and waits to be obeyed will be in the outbox soon: it counts as if it were there.
 */
export class Shares {
  readonly #holds: Holds;
  readonly #room: Room;
  readonly #backpressure: Backpressure;
  /** What was read from all clients and waits to be obeyed. In bytes. Protocols count it here. */
  unobeyedBytes = 0;

  constructor(holds: Holds, room: Room, backpressure: Backpressure) {
    this.#holds = holds;
    this.#room = room;
    this.#backpressure = backpressure;
  }

  /** The client has published: it is held back if it has too much waiting, and everybody is if there is no room. */
  published(socket: ClientSocket, { unsentBytes }: Share): void {
    const { freeBytes } = this.#room;
    if (unsentBytes < freeBytes - this.unobeyedBytes) return;
    if (freeBytes <= 0) this.#backpressure.hold(socket);
    else if (unsentBytes >= anyonesBytes) this.#backpressure.holdAlone(socket);
  }

  /** Whether a sender that nothing can hold back has to come again later. */
  isTooMuch({ unsentBytes }: Share): boolean {
    return unsentBytes >= anyonesBytes && unsentBytes >= this.#room.freeBytes - this.unobeyedBytes;
  }

  /** A part of what waited for the broker has gone: some may go on. */
  lighten(): void {
    if (this.#holds.countOf("share") === 0) return;
    const mostBytes = Math.max(0, this.#room.freeBytes - this.unobeyedBytes) / 2;
    for (const socket of this.#holds.heldFor("share")) {
      const { share } = socket.data;
      if (share === undefined || share.unsentBytes <= mostBytes) this.#holds.release(socket, "share");
    }
    this.#backpressure.progressed();
  }
}
