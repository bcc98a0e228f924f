import { type Epoch, eventKeys } from "../broker/events.ts";
import type { ClientEvent, Entry } from "./event.ts";
import type { Outgoing } from "./outgoing.ts";

/** How many disconnects are published in one turn of the event loop. */
const sliceEvents = 500;
/** How many events may wait for the broker's confirm. */
const unconfirmedMax = 10_000;

/** Publishes that connections have ended. Resolves when everything is confirmed, or the link is lost. */
export async function tellOfEnds(
  outgoing: Outgoing,
  manager: string,
  open: Iterable<Entry>,
  reason: string,
  epoch: Epoch,
): Promise<void> {
  const { link } = outgoing;
  const at = Date.now();
  let count = 0;
  for (const [connection, client] of open) {
    if (outgoing.link !== link) return;
    const event: ClientEvent = { event: "disconnected", client, connection, manager, at, reason };
    outgoing.publish(eventKeys.disconnected, JSON.stringify(event), epoch);
    if (++count % sliceEvents > 0) continue;
    await new Promise((resolve) => setImmediate(resolve));
    if (outgoing.unconfirmed > unconfirmedMax) await outgoing.settled();
  }
  await outgoing.settled();
}
