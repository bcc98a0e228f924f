import { closeCodes } from "../../wire/close-codes.ts";
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
  for (let step = 0; step < steps && clients.size > 0; step++) {
    const count = Math.ceil(clients.size / (steps - step));
    const some = [];
    for (const socket of clients) {
      if (some.length === count) break;
      if (!socket.data.seat.isClosing) some.push(socket);
    }
    for (const socket of some) {
      // A client that is not read from could not answer the close.
      holds.letGo(socket);
      socket.close(code, reason);
    }
    if (step < steps - 1) await pause(overMs / steps);
  }
}
