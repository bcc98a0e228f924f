import type { Grant } from "../auth/grant.ts";
import type { TokenRefusal } from "../auth/token-refusal.ts";
import type { Client, ClientSocket } from "../clients/client.ts";
import type { Seat } from "../clients/seat.ts";
import type { Timed } from "../clients/timer-wheel.ts";
import type { Surroundings } from "../protocol/protocol.ts";
import { handOver, lateEntryFor } from "./hand-over.ts";

/** Why a client may not use plain text, and what it may do in another protocol. */
export interface Doubt {
  readonly refusal: TokenRefusal;
  /** Undefined: its first message has to bring a token. */
  readonly grant: Grant | undefined;
  /** The client id in the path. */
  readonly asked: string | undefined;
  /** How long it has to send something. In milliseconds. */
  readonly timeoutMs: number;
}

/**
 * A client that asked for no subprotocol and may not use plain text, since it has no token or no right to broadcast. Its first message may
 * show another protocol. Until then nothing is sent to it and nothing is accepted from it.
 */
export class Undecided implements Client, Timed {
  readonly id = undefined;
  readonly protocol = undefined;
  readonly hasPublished = false;
  readonly share = undefined;
  readonly keptBytes = 0;
  readonly seat: Seat;
  readonly #doubt: Doubt;
  readonly #surroundings: Surroundings;
  #socket: ClientSocket | undefined;

  constructor(doubt: Doubt, seat: Seat, surroundings: Surroundings) {
    this.seat = seat;
    this.#doubt = doubt;
    this.#surroundings = surroundings;
  }

  opened(socket: ClientSocket): void {
    this.#socket = socket;
    this.#surroundings.wheel.add(this, this.#doubt.timeoutMs);
  }

  topics(): Iterable<string> {
    return [];
  }

  message(socket: ClientSocket, body: string | Buffer): void {
    const { asked: id, grant } = this.#doubt;
    const { protocols, identified } = this.#surroundings;
    const entry = lateEntryFor(protocols, body);
    const newcomer = { id, grant, seat: this.seat };
    if (entry === undefined) this.#refuse();
    else handOver(socket, entry, body, { newcomer, hasHeard: false, identified });
  }

  due(): number {
    this.#refuse();
    return this.#doubt.timeoutMs;
  }

  direct(): void {
    // It has no id yet.
  }

  get isPatient(): boolean {
    return false;
  }

  fallBehind(): void {
    // Nothing is sent to it.
  }

  drained(): void {
    // Nothing is sent to it.
  }

  resumeInput(): boolean {
    return false;
  }

  closed(): void {
    this.#surroundings.wheel.remove(this);
  }

  left(): void {
    // No input ever waits here.
  }

  #refuse(): void {
    const { refusal } = this.#doubt;
    this.closed();
    this.#surroundings.auth?.refusals.add(refusal.kind);
    // A paused client could not answer the close frame.
    this.#surroundings.holds.resumeForClose(this.#socket!);
    this.#socket!.close(refusal.close.code, refusal.why);
  }
}
