import type { ClientSocket } from "./client.ts";

/**
 * Why a client is not read from. `outbox`: the outbox is full, so what the client publishes has no room. `share`: it has too much in the
 * outbox. `rate`: it has sent more than its rate allows. `check`: its token is being checked, or its idempotency key cannot be checked yet.
 * `spread`: its last message is still being published to its audiences, by turns. `turn`: input that was read from it waits for its turn; all other reasons but `leaving` also stop this input. `leaving`: it will be
 * closed when what it has published is confirmed.
 */
const reasons = ["outbox", "share", "rate", "check", "spread", "turn", "leaving"] as const;
/** Why a client is not read from. */
export type HoldReason = (typeof reasons)[number];

/** Is told of changes to clients that are held. */
export interface HoldWatcher {
  /** Nothing stops the client's input any more, so it waits for its turn. */
  freed(socket: ClientSocket): void;
  /** The client is no longer held, because it goes. */
  forgotten(socket: ClientSocket): void;
}

/**
 * Tracks clients that are not read from. Each may be held for several reasons, and is read from again when the last one is gone. TCP then
 * slows each of them down by itself; sending to them goes on. Only this class pauses and resumes clients.
 */
export class Holds {
  readonly #held: Readonly<Record<HoldReason, Set<ClientSocket>>> = {
    outbox: new Set(),
    share: new Set(),
    rate: new Set(),
    check: new Set(),
    spread: new Set(),
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

  /** How many clients are held for one of the two reasons, or both. */
  countOfEither(one: HoldReason, other: HoldReason): number {
    let count = this.#held[one].size;
    for (const socket of this.#held[other]) if (!this.#held[one].has(socket)) count++;
    return count;
  }

  heldFor(reason: HoldReason): Iterable<ClientSocket> {
    return this.#held[reason];
  }

  /** Whether the client is not read from, so that its silence means nothing. */
  has(socket: ClientSocket): boolean {
    return this.#holdsAll || reasons.some((reason) => this.#held[reason].has(socket));
  }

  /** Whether input that was read from the client has to wait. */
  stops(socket: ClientSocket): boolean {
    const { outbox, share, rate, check, spread } = this.#held;
    return (
      rate.has(socket) || outbox.has(socket) || share.has(socket) || check.has(socket) || spread.has(socket)
    );
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

  /** Stops reading from all of these for good. */
  holdForGood(sockets: Iterable<ClientSocket>): void {
    this.#holdsAll = true;
    for (const socket of sockets) socket.pause();
  }

  /**
   * Resumes reading despite any hold: a paused client could not answer the close frame. What it has sent, or sends now, is not handled any
   * more.
   */
  resumeForClose(socket: ClientSocket): void {
    socket.data.seat.isClosing = true;
    this.forget(socket);
    socket.resume();
  }

  forget(socket: ClientSocket): void {
    for (const reason of reasons) this.#held[reason].delete(socket);
    this.#watcher?.forgotten(socket);
  }
}
