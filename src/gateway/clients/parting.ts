import { closeCodes } from "../../wire/close-codes.ts";
import type { ClientSocket } from "./client.ts";
import type { Holds } from "./holds.ts";
import type { Roster } from "./roster.ts";

const stepMs = 100;

/** A client whose turn it is is served as ever for so long, if there is no moment before at which all that it has sent is confirmed. In milliseconds. */
const servedMsMax = 1000;
/** After that it is not read from, so that such a moment comes; but it is not kept for longer than this in all, in milliseconds. */
const keptMsMax = 5000;

/** What has to be known of clients that are to leave. */
export interface PartingParts {
  /** Those that are connected, all of which leave. */
  readonly clients: Roster;
  /** Keeps one that is late from being read. */
  readonly holds: Pick<Holds, "hold" | "letGo">;
  /** Whether all that was read from the client is obeyed, and what it published is confirmed. */
  isSettled(socket: ClientSocket): boolean;
}

/** Where many have waited for the same confirm, they leave at most so many times faster than evenly. */
const hasteMax = 1.25;

/**
 * Closes clients evenly over a time, in milliseconds, so that those that they go to next can take them. Each is served until its turn
 * comes. One that has just published leaves when that is confirmed: at the next manager it goes on at once, and what it publishes there
 * would overtake what waits here.
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

/** Clients that leave. */
class Parting {
  readonly #parts: PartingParts;
  /** Those whose turn it is, the first one first, and how long they have had it, in milliseconds. */
  readonly #late = new Map<ClientSocket, number>();
  /** How many may be closed in a step. */
  #closedMax = 0;
  /** Whether there are clients whose turn is yet to come. */
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

  /** It is the turn of the `n`th part of those that have not had it. */
  begin(n: number): void {
    const open: ClientSocket[] = [];
    this.#parts.clients.forEach((socket) => {
      // A client that was closed and has not answered is still connected; it has had its turn.
      if (!socket.data.seat.isClosing && !this.#late.has(socket)) open.push(socket);
    });
    const count = Math.ceil(open.length / n);
    for (const socket of open.slice(0, count)) this.#late.set(socket, 0);
    this.#isAnybodyNext = count < open.length;
    this.#closedMax = Math.max(this.#closedMax, Math.ceil(count * hasteMax));
  }

  async wait(ms: number, pause: (ms: number) => Promise<void>): Promise<void> {
    await pause(ms);
    for (const [socket, lateMs] of this.#late) this.#late.set(socket, lateMs + ms);
  }

  /** Closes those whose turn it is and that may leave, as many as may at a time. */
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
        // A client that is not read from could not answer the close.
        holds.letGo(socket);
        socket.close(code, reason);
      } else if (lateMs >= servedMsMax) holds.hold(socket, "leaving");
    }
  }
}
