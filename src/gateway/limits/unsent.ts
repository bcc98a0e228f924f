import type { ClientSocket } from "../clients/client.ts";
import type { Watched } from "../clients/seat.ts";
import type { SocketBytes } from "./socket-bytes.ts";

/**
 * What the kernel takes for a patient client that it cannot send yet, in bytes: what a fast one reads while the event loop is
 * busy with others.
 */
const unsentMax = 64 * 1024;

/**
 * Keeps little in the kernel for clients that may read as slowly as they like, since what is for them is read from the log when they
 * have read. By default Linux takes some megabytes of what it cannot send, for each of them: a thousand would take gigabytes, and
 * the manager would be busy with filling them until it learned that they are slow. On Linux; elsewhere nothing changes.
 */
export class Unsent {
  readonly #sockets: Pick<SocketBytes, "keepUnsent"> | undefined;

  /** @param sockets undefined where the kernel cannot be told */
  constructor(sockets: Pick<SocketBytes, "keepUnsent"> | undefined) {
    this.#sockets = sockets;
  }

  /** The client's subscriptions have changed: it may be patient from now on, or no more. */
  changed({ data: { isPatient, seat }, readyState }: ClientSocket): void {
    const { watched } = seat;
    if (watched === undefined || watched.isPatient === isPatient || readyState !== WebSocket.OPEN) return;
    watched.isPatient = isPatient;
    // One that is not found yet is told when it is.
    if (watched.fd >= 0) this.#tell(watched);
  }

  /** The file descriptor of the client is known from now on. */
  found(watched: Watched): void {
    if (watched.isPatient) this.#tell(watched);
  }

  #tell({ fd, isPatient }: Watched): void {
    this.#sockets?.keepUnsent(fd, isPatient ? unsentMax : 0);
  }
}
