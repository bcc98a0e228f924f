import type { Grant } from "../auth/grant.ts";
import type { TokenRefusal } from "../auth/token-refusal.ts";
import type { Client, ClientSocket } from "../clients/client.ts";
import type { Timed } from "../clients/timer-wheel.ts";
import type { Seat } from "../limits/seat.ts";
import type { Surroundings } from "../protocol.ts";
import { beginsStomp } from "../stomp/first-frame.ts";
import type { StompProtocol } from "../stomp/stomp.ts";

/** Why a client may not speak plain text, and what it may do as a STOMP client. */
export interface Doubt {
  readonly refusal: TokenRefusal;
  /** Undefined: CONNECT has to bring a token. */
  readonly grant: Grant | undefined;
  /** The client id in the path. */
  readonly asked: string | undefined;
  /** How long it may take to send CONNECT. In milliseconds. */
  readonly timeoutMs: number;
}

/**
 * A client that asked for no subprotocol and may not speak plain text, since it has no token or no right to broadcast. It may
 * be a STOMP client: then it begins with CONNECT. Until it has, nothing comes to it and nothing is taken from it.
 */
export class Undecided implements Client, Timed {
  readonly id = undefined;
  readonly protocol = undefined;
  readonly hasPublished = false;
  readonly share = undefined;
  readonly keptBytes = 0;
  readonly seat: Seat;
  readonly #doubt: Doubt;
  readonly #stomp: StompProtocol;
  readonly #surroundings: Surroundings;
  #socket: ClientSocket | undefined;

  constructor(doubt: Doubt, seat: Seat, stomp: StompProtocol, surroundings: Surroundings) {
    this.seat = seat;
    this.#doubt = doubt;
    this.#stomp = stomp;
    this.#surroundings = surroundings;
  }

  opened(socket: ClientSocket): void {
    this.#socket = socket;
    this.#surroundings.wheel.add(this, this.#doubt.timeoutMs);
  }

  message(socket: ClientSocket, body: string | Buffer): void {
    const { asked: id, grant } = this.#doubt;
    if (beginsStomp(body)) this.#stomp.takeOver(socket, { id, grant, seat: this.seat }, body);
    else this.#refuse();
  }

  due(): number {
    this.#refuse();
    return this.#doubt.timeoutMs;
  }

  direct(): void {
    // It has no id yet.
  }

  fallBehind(): boolean {
    return false;
  }

  drained(): void {
    // Nothing is sent to it.
  }

  goOn(): boolean {
    return false;
  }

  closed(): void {
    this.#surroundings.wheel.remove(this);
  }

  left(): void {
    // Nothing of it ever waits.
  }

  #refuse(): void {
    const { refusal } = this.#doubt;
    this.closed();
    this.#surroundings.auth?.refusals.add(refusal.kind);
    // A client that is not read from could not answer the close.
    this.#surroundings.holds.letGo(this.#socket!);
    this.#socket!.close(refusal.close.code, refusal.why);
  }
}
