import type { ClientSocket } from "./client.ts";

/**
 * Clients that are not read from while the outbox is full. TCP then pushes back to them, each for itself; what is sent
 * to them goes on.
 */
export class Backpressure {
  readonly #held = new Set<ClientSocket>();

  get heldCount(): number {
    return this.#held.size;
  }

  hold(socket: ClientSocket): void {
    if (this.#held.has(socket)) return;
    this.#held.add(socket);
    socket.pause();
  }

  forget(socket: ClientSocket): void {
    this.#held.delete(socket);
  }

  release(): void {
    for (const socket of this.#held) socket.resume();
    this.#held.clear();
  }
}
