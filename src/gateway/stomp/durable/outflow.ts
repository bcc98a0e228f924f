import type { ClientSocket } from "../../client.ts";
import type { Tail } from "../message-frame.ts";

/** What durable subscriptions may have written to a client, and whom to tell of it. */
export interface Outlet {
  /** What may wait for a client before its durable subscriptions write no more, in bytes. */
  readonly room: number;
  /** So much was written. In bytes; of text in characters. */
  sent(bytes: number): void;
}

/** For where nothing else waits for clients. */
export const plainOutlet: Outlet = { room: 128 * 1024, sent: () => undefined };

/**
 * The way to one client, shared by all of its durable subscriptions: what one has gathered is gone for the others, too.
 * Each of them looking at the socket for itself would write as many times as much as there are subscriptions.
 */
export class Outflow {
  readonly #socket: ClientSocket;
  readonly #outlet: Outlet;
  /** By all of the client's subscriptions, and not written yet. In bytes; of text in characters. */
  #gathered = 0;

  constructor(socket: ClientSocket, outlet: Outlet) {
    this.#socket = socket;
    this.#outlet = outlet;
  }

  /** Whether the client has read enough for more to be gathered or written. */
  get isRoomy(): boolean {
    return this.#socket.getBufferedAmount() + this.#gathered <= this.#outlet.room;
  }

  gathered(size: number): void {
    this.#gathered += size;
  }

  /** Gathered, but not going to be written. */
  forget(size: number): void {
    this.#gathered -= size;
  }

  /** Writes what was gathered as one. */
  write(frames: readonly Tail[], size: number): void {
    this.#gathered -= size;
    this.#socket.cork(() => {
      for (const frame of frames) this.#socket.send(frame);
    });
    this.#outlet.sent(size);
  }
}
