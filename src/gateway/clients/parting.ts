import { closeCodes } from "../../wire/close-codes.ts";
import type { ClientSocket } from "./client.ts";
import type { Holds } from "./holds.ts";
import type { Roster } from "./roster.ts";

const stepMs = 100;

/**
 * Closes clients evenly over a time, in milliseconds, so that those that they go to next can take them. Each is served until its turn comes.
 */
export async function partEvenly(
  clients: Roster,
  holds: Pick<Holds, "letGo">,
  overMs: number,
  pause: (ms: number) => Promise<void> = Bun.sleep,
): Promise<void> {
  const { code, reason } = closeCodes.restarting;
  const steps = Math.max(1, Math.ceil(overMs / stepMs));
  for (let step = 0; step < steps; step++) {
    // A client that was closed and has not answered is still connected; it has had its turn.
    const open = openOf(clients);
    if (open.length === 0) return;
    for (const socket of open.slice(0, Math.ceil(open.length / (steps - step)))) {
      // A client that is not read from could not answer the close.
      holds.letGo(socket);
      socket.close(code, reason);
    }
    if (step < steps - 1) await pause(overMs / steps);
  }
}

function openOf(clients: Roster): ClientSocket[] {
  const open: ClientSocket[] = [];
  clients.forEach((socket) => {
    if (!socket.data.seat.isClosing) open.push(socket);
  });
  return open;
}
