import type { ClientSocket } from "../clients/client.ts";
import type { Watched } from "../clients/seat.ts";
import type { SocketBytes } from "./socket-bytes.ts";

/**
 * How much unsent data the kernel takes for a patient client, in bytes: what a fast client reads while the event loop is busy with others.
 */
const unsentMax = 64 * 1024;

/**
 * Keeps little data in the kernel for patient clients (`Client.isPatient`), since more is read from the log when they have read. By default
 * Linux takes some megabytes of unsent data for each: a thousand clients would take gigabytes, and the manager would be busy filling their
 * buffers before it learned that they are slow. This works on Linux; elsewhere it changes nothing.
 */
export class Unsent {
  readonly #sockets: Pick<SocketBytes, "keepUnsent"> | undefined;

  /** @param sockets undefined if the kernel cannot be told */
  constructor(sockets: Pick<SocketBytes, "keepUnsent"> | undefined) {
    this.#sockets = sockets;
  }

  /** The client's subscriptions have changed. It may be patient from now on, or no longer. */
  changed({ data: { isPatient, seat }, readyState }: ClientSocket): void {
    const { watched } = seat;
    if (watched === undefined || watched.isPatient === isPatient || readyState !== WebSocket.OPEN) return;
    watched.isPatient = isPatient;
    // If the file descriptor is not known yet, the kernel is told when it is.
    if (watched.fd >= 0) this.#tell(watched);
  }

  /** The client's file descriptor is known now. */
  found(watched: Watched): void {
    if (watched.isPatient) this.#tell(watched);
  }

  #tell({ fd, isPatient }: Watched): void {
    this.#sockets?.keepUnsent(fd, isPatient ? unsentMax : 0);
  }
}
