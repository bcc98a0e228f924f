import type { ClientSocket } from "./client.ts";

/**
 * Clients that are not read from while the outbox is full. TCP then pushes back to them, each for itself; what is sent
 * to them goes on.
 */
export class Backpressure {
  readonly #held = new Set<ClientSocket>();
  #holdsAll = false;

  get heldCount(): number {
    return this.#held.size;
  }

  /** Whether nothing is read from this client, so that its silence means nothing. */
  holds(socket: ClientSocket): boolean {
    return this.#holdsAll || this.#held.has(socket);
  }

  hold(socket: ClientSocket): void {
    if (this.#held.has(socket)) return;
    this.#held.add(socket);
    socket.pause();
  }

  /** Nothing is read from any of these any more. */
  holdForGood(sockets: Iterable<ClientSocket>): void {
    this.#holdsAll = true;
    for (const socket of sockets) socket.pause();
  }

  forget(socket: ClientSocket): void {
    this.#held.delete(socket);
  }

  release(): void {
    if (this.#holdsAll) return;
    for (const socket of this.#held) socket.resume();
    this.#held.clear();
  }
}
