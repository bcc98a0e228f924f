import { closeCodes } from "../../wire/close-codes.ts";
import type { ClientSocket } from "./client.ts";
import type { Holds } from "./holds.ts";
import type { Roster } from "./roster.ts";

const stepMs = 100;

/**
 * When it is a client's turn to leave, it is still served for this long at most, until a moment at which everything that it has sent is
 * confirmed. In milliseconds.
 */
const servedMsMax = 1000;
/** After that it is not read from, so that such a moment comes. It leaves after this time in any case, in milliseconds. */
const keptMsMax = 5000;

/** What has to be known about the leaving clients. */
export interface PartingParts {
  /** All connected clients, all of which leave. */
  readonly clients: Roster;
  /** Stops reading from a client that is late. */
  readonly holds: Pick<Holds, "hold" | "resumeForClose">;
  /** Whether all input of the client is handled, and what it published is confirmed. */
  isSettled(socket: ClientSocket): boolean;
}

/** Less than this of a client is not due: sums of fractions are not exact. */
const roundingError = 1e-6;

/** If many have waited for the same confirm, they leave at most this much faster than evenly. */
const hasteMax = 1.25;

/**
 * Closes clients evenly over this time, in milliseconds, so that the managers to which they reconnect can take them. Each is served until
 * its turn comes. A client that has just published leaves when that is confirmed. Otherwise it would go on at the next manager at once, and
 * what it publishes there would overtake what waits here.
 */
export async function partEvenly(
  parts: PartingParts,
  overMs: number,
  pause: (ms: number) => Promise<void> = Bun.sleep,
): Promise<void> {
  const parting = new Parting(parts);
  const steps = Math.max(1, Math.ceil(overMs / stepMs));
  for (let step = 0; step < steps; step++) {
    parting.begin(steps - step);
    if (!parting.isAnybodyLeft) return;
    parting.closeSome();
    if (step < steps - 1) await parting.wait(overMs / steps, pause);
  }
  while (parting.isAnybodyLate) {
    await parting.wait(stepMs, pause);
    parting.closeSome();
  }
}

/** The leaving clients. */
class Parting {
  readonly #parts: PartingParts;
  /** Clients whose turn it is, in order, with the time for which it has been their turn, in milliseconds. */
  readonly #late = new Map<ClientSocket, number>();
  /** How many clients may be closed in one step. */
  #closedMax = 0;
  /** What is left of a client after the clients whose turn has come: with fewer clients than steps, most steps are nobody's turn. */
  #due = 0;
  /** Whether there are clients whose turn is still to come. */
  #isAnybodyNext = false;

  constructor(parts: PartingParts) {
    this.#parts = parts;
  }

  get isAnybodyLate(): boolean {
    return this.#late.size > 0;
  }

  get isAnybodyLeft(): boolean {
    return this.#isAnybodyNext || this.isAnybodyLate;
  }

  /** The turn comes to one `n`th of the clients that have not had it. */
  begin(n: number): void {
    const open: ClientSocket[] = [];
    this.#parts.clients.forEach((socket) => {
      // A client that was closed but has not answered is still connected. It has had its turn.
      if (!socket.data.seat.isClosing && !this.#late.has(socket)) open.push(socket);
    });
    this.#due += open.length / n;
    // Rounding every step up would let 700 clients leave in half of a minute that is meant for all of them.
    const count = n === 1 ? open.length : Math.max(0, Math.ceil(this.#due - roundingError));
    this.#due -= count;
    for (const socket of open.slice(0, count)) this.#late.set(socket, 0);
    this.#isAnybodyNext = count < open.length;
    this.#closedMax = Math.max(this.#closedMax, Math.ceil(count * hasteMax));
  }

  async wait(ms: number, pause: (ms: number) => Promise<void>): Promise<void> {
    await pause(ms);
    for (const [socket, lateMs] of this.#late) this.#late.set(socket, lateMs + ms);
  }

  /** Closes clients whose turn it is and that may leave, up to the limit. */
  closeSome(): void {
    const { clients, holds, isSettled } = this.#parts;
    let closed = 0;
    for (const [socket, lateMs] of this.#late) {
      if (closed === this.#closedMax) return;
      const isGone = !clients.has(socket) || socket.data.seat.isClosing;
      if (isGone || lateMs >= keptMsMax || isSettled(socket)) {
        this.#late.delete(socket);
        if (isGone) continue;
        closed++;
        const { code, reason } = closeCodes.restarting;
        // A paused client could not answer the close frame.
        holds.resumeForClose(socket);
        socket.close(code, reason);
      } else if (lateMs >= servedMsMax) holds.hold(socket, "leaving");
    }
  }
}
