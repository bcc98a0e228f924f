import { copyHeader } from "../../../envelope/envelope.ts";
import type { Exchange, ForeignExchange, RecordExchange } from "../../broker.ts";
import type { Declarations } from "./declarations.ts";

/** The exchanges in RabbitMQ. The first two are the public contract; the others are internal to Warren. */
export const exchanges = {
  fromClients: "wsmanager",
  toClients: "towsmanager",
  dead: "wsmanager.dead",
  /** For what goes only into the log. */
  marks: "wsmanager.log",
} as const satisfies Readonly<Record<string, Exchange | "wsmanager.log">>;

/** The exchanges around each of the two public ones. */
export const around = {
  /** The exchange that Warren's queues are bound to. */
  queues: (name: string) => `${name}.queues`,
  /** Selects the plain copies, since Warren's queues get these messages in packs. */
  select: (name: string) => `${name}.select`,
  /** The exchange in which plain copies end. */
  void: (name: string) => `${name}.void`,
  /** For what Warren's roles send one another. */
  packed: (name: string) => `${name}.packed`,
} as const;

/** The exchange to which Warren's roles publish what is for this one, and the exchange for the plain copies. */
export function publishedBy(exchange: Exchange): { readonly to: string; readonly copiesTo?: string } {
  return exchange === exchanges.dead ? { to: exchange } : { to: around.packed(exchange), copiesTo: exchange };
}

/** The public exchange of a delivery. For what Warren's roles publish, it is the one that the message is for. */
export function cameBy(name: string): RecordExchange {
  return ownExchanges.get(name) ?? (name as ForeignExchange);
}

const ownExchanges = new Map<string, Exchange>();
for (const exchange of [exchanges.fromClients, exchanges.toClients])
  for (const name of [exchange, around.packed(exchange)]) ownExchanges.set(name, exchange);

/** Whether Warren's queues are bound to it. */
export function isInner(name: string): boolean {
  return name === around.queues(exchanges.fromClients) || name === around.queues(exchanges.toClients);
}

/** A public exchange and those around it. */
export function allOf(name: string): [string, ...string[]] {
  return [name, around.select(name), around.void(name), around.packed(name), around.queues(name)];
}

/**
 * Declares one of the two public exchanges with those around it:
 *
 *     NAME (public) ──► queues of other programs
 *       └─► NAME.select (headers; alternate exchange NAME.queues)
 *             ├─ what has the header warren-copy ──► NAME.void
 *             └─ all else ──► NAME.queues ──► Warren's queues
 *     NAME.packed ──► NAME.queues
 *
 * Warren's queues are bound only to NAME.queues. A public exchange may be deleted, or go with a restart if it was not durable. The role
 * that declares it again then restores the way to all queues at once, before it publishes: RabbitMQ confirms messages that reach no queue.
 *
 * Before there were copies, NAME was bound directly to NAME.queues. That binding is removed when the new way exists, and before this
 * process publishes a copy. While both exist, RabbitMQ puts a message into each queue once, whichever way it came.
 *
 * @throws FatalError if one of them exists with another type, or NAME.select with other settings
 */
export async function declareExchange(declaring: Declarations, name: string): Promise<void> {
  const [queues, select] = [around.queues(name), around.select(name)];
  await declaring.once(queues, async () => {
    await declaring.fanout(name);
    await declaring.between(queues, { internal: true });
    await declaring.between(around.void(name));
    await declaring.selector(select, queues);
    await declaring.bindExchange(around.void(name), select, presenceOf(copyHeader));
    await declaring.bindExchange(select, name);
    await declaring.unbindExchange(queues, name);
    await declaring.between(around.packed(name));
    await declaring.bindExchange(queues, around.packed(name));
  });
}

/** Arguments for a binding of a headers exchange. All messages match that have this header, whatever its value. */
function presenceOf(header: string): Record<string, unknown> {
  return { "x-match": "all", [header]: null };
}
