import { closeCodes } from "../../wire/close-codes.ts";
import type { ClientSocket } from "./client.ts";

/** How many clients are closed at a time when stopping, and the time between two batches, so that they do not all reconnect at once. */
const usualBatch = 500;
const pauseMs = 20;

/**
 * Closes all clients, at a pace that the managers to which they reconnect can take.
 *
 * @param timeoutMs how long that may take, in milliseconds; if it is too short for that pace, more clients are closed at a time
 */
export async function sayFarewell(
  clients: readonly ClientSocket[],
  timeoutMs = Number.POSITIVE_INFINITY,
  pause: (ms: number) => Promise<void> = Bun.sleep,
): Promise<void> {
  const { code, reason } = closeCodes.goingAway;
  const pausesMax = Math.floor(timeoutMs / pauseMs);
  const batch = Math.max(usualBatch, Math.ceil(clients.length / (pausesMax + 1)));
  for (const [index, socket] of clients.entries()) {
    if (index > 0 && index % batch === 0) await pause(pauseMs);
    // A paused socket would not see the client's answer to the close.
    socket.resume();
    // What is about to close a client has another word for it.
    if (!socket.data.seat.isClosing) socket.close(code, reason);
  }
}
