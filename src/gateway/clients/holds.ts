import type { ClientSocket } from "./client.ts";

/**
 * Why a client is not read from. `outbox`: the outbox is full, and what the client publishes has nowhere to go. `share`: it
 * has too much in the outbox. `rate`: it sent more than a client may in the time. `check`: its token is being checked, or its idempotency key cannot be yet. `turn`: what was
 * read from it waits for its turn to be obeyed, which only the others but the last stop. `leaving`: it is to go when what it has published is confirmed.
 */
const reasons = ["outbox", "share", "rate", "check", "turn", "leaving"] as const;
/** Why a client is not read from. */
export type HoldReason = (typeof reasons)[number];

/** Is told what becomes of clients that are held. */
export interface HoldWatcher {
  /** Nothing stops what was read from the client any more, and it waits for its turn. */
  freed(socket: ClientSocket): void;
  /** Nothing holds the client any more, since it goes. */
  forgotten(socket: ClientSocket): void;
}

/**
 * Clients that are not read from, each for reasons of its own, and read from again when the last of them is gone. TCP then
 * pushes back to them, each for itself; what is sent to them goes on. Nobody else pauses or resumes a client.
 */
export class Holds {
  readonly #held: Readonly<Record<HoldReason, Set<ClientSocket>>> = {
    outbox: new Set(),
    share: new Set(),
    rate: new Set(),
    check: new Set(),
    turn: new Set(),
    leaving: new Set(),
  };
  #holdsAll = false;
  #watcher: HoldWatcher | undefined;

  watch(watcher: HoldWatcher): void {
    this.#watcher = watcher;
  }

  countOf(reason: HoldReason): number {
    return this.#held[reason].size;
  }

  /** Clients that are held for one of the two, or both. */
  countOfEither(one: HoldReason, other: HoldReason): number {
    let count = this.#held[one].size;
    for (const socket of this.#held[other]) if (!this.#held[one].has(socket)) count++;
    return count;
  }

  heldFor(reason: HoldReason): Iterable<ClientSocket> {
    return this.#held[reason];
  }

  /** Whether nothing is read from this client, so that its silence means nothing. */
  has(socket: ClientSocket): boolean {
    return this.#holdsAll || reasons.some((reason) => this.#held[reason].has(socket));
  }

  /** Whether what was read from this client has to wait. */
  stops(socket: ClientSocket): boolean {
    const { outbox, share, rate, check } = this.#held;
    return rate.has(socket) || outbox.has(socket) || share.has(socket) || check.has(socket);
  }

  hold(socket: ClientSocket, reason: HoldReason): void {
    const held = this.#held[reason];
    if (held.has(socket)) return;
    if (!this.has(socket)) socket.pause();
    held.add(socket);
  }

  release(socket: ClientSocket, reason: HoldReason): void {
    if (!this.#held[reason].delete(socket)) return;
    if (!this.has(socket)) socket.resume();
    else if (reason !== "turn" && !this.stops(socket)) this.#watcher?.freed(socket);
  }

  isHeld(socket: ClientSocket, reason: HoldReason): boolean {
    return this.#held[reason].has(socket);
  }

  /** The client that has been held for this reason the longest. */
  firstOf(reason: HoldReason): ClientSocket | undefined {
    const [first] = this.#held[reason];
    return first;
  }

  /** Nothing is read from any of these any more. */
  holdForGood(sockets: Iterable<ClientSocket>): void {
    this.#holdsAll = true;
    for (const socket of sockets) socket.pause();
  }

  /**
   * Reads from it again despite any hold, since it is about to be closed: a paused client could not answer the close frame.
   * Nothing that it sent, or sends now, is obeyed any more.
   */
  letGo(socket: ClientSocket): void {
    socket.data.seat.isClosing = true;
    this.forget(socket);
    socket.resume();
  }

  forget(socket: ClientSocket): void {
    for (const reason of reasons) this.#held[reason].delete(socket);
    this.#watcher?.forgotten(socket);
  }
}
