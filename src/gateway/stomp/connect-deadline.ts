import type { ClientSocket } from "../client.ts";
import { closeCodes } from "../close-codes.ts";
import type { Timed } from "../timer-wheel.ts";
import { StompFault } from "./fault.ts";
import type { StompSurroundings } from "./stomp.ts";

/** The time that a client has to send CONNECT. */
export class ConnectDeadline implements Timed {
  readonly #surroundings: StompSurroundings;
  readonly #socket: ClientSocket;
  readonly #missed: (fault: StompFault) => void;

  constructor(surroundings: StompSurroundings, socket: ClientSocket, missed: (fault: StompFault) => void) {
    this.#surroundings = surroundings;
    this.#socket = socket;
    this.#missed = missed;
    surroundings.wheel.add(this, surroundings.handshakeTimeout);
  }

  due(): number {
    // What is not read cannot have come.
    if (!this.#surroundings.holds.has(this.#socket)) {
      this.#missed(
        new StompFault("no CONNECT came", { reason: "connectTime", close: closeCodes.notConnected }),
      );
    }
    return this.#surroundings.handshakeTimeout;
  }

  met(): void {
    this.#surroundings.wheel.remove(this);
  }
}
