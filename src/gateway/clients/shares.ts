import type { Share } from "../../envelope/share.ts";
import type { Backpressure } from "./backpressure.ts";
import type { ClientSocket } from "./client.ts";
import type { Holds } from "./holds.ts";

/** How much any client may have waiting as long as the outbox is not full. In bytes. */
const anyonesBytes = 16 * 1024;

/** The room for messages that wait for the broker. */
interface Room {
  /** Zero or less if there is none. In bytes. */
  readonly freeBytes: number;
}

/**
 * Limits how much of the outbox one client may use: no more than it leaves free. So one client that floods uses half of it, fifty use 50
 * parts of 51, and those that publish little always find room. A client with more waiting is not read from until it has half as much as is
 * free by then. Only if the outbox is full nevertheless are all clients held back (`Backpressure`).
 *
 * Input that was read and waits to be handled will soon be in the outbox, so it counts as if it were there.
 */
export class Shares {
  readonly #holds: Holds;
  readonly #room: Room;
  readonly #backpressure: Backpressure;
  /** How much was read from all clients and waits to be handled. In bytes. Protocols update it. */
  unobeyedBytes = 0;

  constructor(holds: Holds, room: Room, backpressure: Backpressure) {
    this.#holds = holds;
    this.#room = room;
    this.#backpressure = backpressure;
  }

  /** The client has published. It is held back if it has too much waiting, and everybody is if there is no room. */
  published(socket: ClientSocket, { unsentBytes }: Share): void {
    const { freeBytes } = this.#room;
    if (unsentBytes < freeBytes - this.unobeyedBytes) return;
    if (freeBytes <= 0) this.#backpressure.hold(socket);
    else if (unsentBytes >= anyonesBytes) this.#backpressure.holdAlone(socket);
  }

  /** Whether a sender that cannot be held back should be refused for now. */
  isTooMuch({ unsentBytes }: Share): boolean {
    return unsentBytes >= anyonesBytes && unsentBytes >= this.#room.freeBytes - this.unobeyedBytes;
  }

  /** A part of what waited for the broker has gone, so some clients may go on. */
  recheck(): void {
    if (this.#holds.countOf("share") === 0) return;
    const mostBytes = Math.max(0, this.#room.freeBytes - this.unobeyedBytes) / 2;
    for (const socket of this.#holds.heldFor("share")) {
      const { share } = socket.data;
      if (share === undefined || share.unsentBytes <= mostBytes) this.#holds.release(socket, "share");
    }
    this.#backpressure.progressed();
  }
}
