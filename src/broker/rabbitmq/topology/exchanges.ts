import { copyHeader } from "../../../envelope/envelope.ts";
import type { Exchange, ForeignExchange, RecordExchange } from "../../broker.ts";
import type { Declaring } from "./declaring.ts";

/** The exchanges in RabbitMQ. The first two are the contract; the others are Warren's own. */
export const exchanges = {
  fromClients: "wsmanager",
  toClients: "towsmanager",
  dead: "wsmanager.dead",
  /** What goes into the log alone. */
  marks: "wsmanager.log",
} as const satisfies Readonly<Record<string, Exchange | "wsmanager.log">>;

/** The exchanges around each of the two that other programs know. */
export const around = {
  /** The exchange that Warren's queues are bound to. */
  queues: (name: string) => `${name}.queues`,
  /** Sorts out plain copies of what Warren's queues get in packs. */
  select: (name: string) => `${name}.select`,
  /** Where such copies end. */
  void: (name: string) => `${name}.void`,
  /** What Warren's roles say to one another. */
  packed: (name: string) => `${name}.packed`,
} as const;

/** Where Warren's roles publish what is for this exchange, and where the plain copies of it go. */
export function publishedBy(exchange: Exchange): { readonly to: string; readonly copiesTo?: string } {
  return exchange === exchanges.dead ? { to: exchange } : { to: around.packed(exchange), copiesTo: exchange };
}

/** The exchange by which a delivery came, from any publisher; for what Warren's roles publish, the exchange that it is for. */
export function cameBy(name: string): RecordExchange {
  return ownExchanges.get(name) ?? (name as ForeignExchange);
}

const ownExchanges = new Map<string, Exchange>();
for (const exchange of [exchanges.fromClients, exchanges.toClients])
  for (const name of [exchange, around.packed(exchange)]) ownExchanges.set(name, exchange);

/** An exchange that other programs know, and those around it. */
export function allOf(name: string): [string, ...string[]] {
  return [name, around.select(name), around.void(name), around.packed(name), around.queues(name)];
}

/**
 * One of the two exchanges that other programs know, with those around it:
 *
 *     NAME (public) ──► queues of other programs
 *       └─► NAME.select (headers; alternate exchange NAME.queues)
 *             ├─ what has the header warren-copy ──► NAME.void
 *             └─ all else ──► NAME.queues ──► Warren's queues
 *     NAME.packed ──► NAME.queues
 *
 * Warren's queues are bound to NAME.queues alone, so that a role that declares an exchange again after it was deleted (or went with a
 * restart, if it was not durable) restores the way to every queue at once, and before he publishes: RabbitMQ confirms what
 * reaches no queue.
 *
 * Before there were copies, NAME was bound to NAME.queues directly. That binding goes when the new way is there, and before this
 * process publishes any copy. While both exist, RabbitMQ brings a message to each queue once, whichever way it came.
 *
 * @throws FatalError if one of them exists with another type, or NAME.select with other settings
 */
export async function declareExchange(declaring: Declaring, name: string): Promise<void> {
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

/** The arguments of a headers exchange's binding that all messages match which have this header, whatever its value. */
function presenceOf(header: string): Record<string, unknown> {
  return { "x-match": "all", [header]: null };
}
