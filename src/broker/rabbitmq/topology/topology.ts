import type { Channel } from "amqplib";
import { repliesQueue } from "../../../requests.ts";
import type { Exchange } from "../../broker.ts";
import type { Needed } from "../frames/check-frames.ts";
import type { Declaring } from "./declaring.ts";
import { allOf, around, declareExchange, exchanges } from "./exchanges.ts";
import { declareGroupLedger } from "./group-ledger.ts";

/** The names of queues in RabbitMQ. */
export const logStream = "wsmanager.log";
/** Where dead letters wait for somebody who looks at them. */
export const deadQueue = "wsmanager.dead";

/** The queue of a processor group. */
export function groupQueue(group: string): string {
  return `${exchanges.fromClients}.${group}`;
}

/** A message that was delivered this often without an ack killed its processors: RabbitMQ dead-letters it. */
export const deliveryLimit = 20;

/** How often dead letters may be looked at: RabbitMQ 4.0 to 4.2 counts a look as a failed delivery, and drops after 20 by default. */
const looksMax = 1_000_000;

/** What a message in a queue counts at least towards its cap, in bytes. */
const messageBytesMin = 1024;

/** How much of the log RabbitMQ keeps. */
export interface LogRetention {
  /** RabbitMQ drops the oldest beyond this. */
  readonly maxBytes: number;
  /** What is older, RabbitMQ may drop. */
  readonly maxAgeMs: number;
}

/** What is to be there before anything is published. */
export interface Topology {
  /** Exchanges that this role publishes to. */
  readonly publishedTo: readonly Exchange[];
  /** The log that is declared if it is missing. */
  readonly log: LogRetention | "off";
  /** The groups whose queues are declared if they are missing. */
  readonly groups: readonly string[];
  /** What a new queue of a group, or of dead letters, may hold. In bytes. */
  readonly queueBytesMax: number;
}

/** Declares the exchanges with all queues that publishing relies on, also those that other processes consume. */
export async function declareTopology(declaring: Declaring, topology: Topology): Promise<void> {
  const { publishedTo, log, groups, queueBytesMax } = topology;
  if (log !== "off") await declareLogStream(declaring, log);
  else {
    for (const exchange of publishedTo)
      if (exchange !== exchanges.dead) await declareExchange(declaring, exchange);
  }
  if (publishedTo.includes(exchanges.dead)) await declareDeadLetters(declaring, queueBytesMax);
  for (const group of groups) await declareGroupQueue(declaring, group, queueBytesMax);
  // Its records are read by managers, which have none where there is no log.
  if (log !== "off" && groups.length > 0) await declareGroupLedger(declaring);
}

/** What has to be there still, after a publish to this exchange, for the publish to have reached everybody. */
export function neededBy(exchange: Exchange, { log, groups }: Pick<Topology, "log" | "groups">): Needed {
  if (exchange === exchanges.dead) return { exchanges: [exchange], queues: [deadQueue] };
  const isProcessors = exchange === exchanges.toClients && groups.length > 0;
  return {
    // Processors look after the way to their own queue too, should no manager know of them.
    exchanges: isProcessors ? [...allOf(exchanges.fromClients), ...allOf(exchange)] : allOf(exchange),
    queues: [...(log === "off" ? [] : [logStream]), ...groups.map(groupQueue)],
  };
}

/** The durable quorum queue of a processor group, bound to `wsmanager`. Joined as it is if it exists. */
export async function declareGroupQueue(
  declaring: Declaring,
  group: string,
  queueBytesMax: number,
): Promise<void> {
  const queue = groupQueue(group);
  await declareExchange(declaring, exchanges.fromClients);
  await declareDeadLetters(declaring, queueBytesMax);
  await declaring.queue(queue, {
    "x-queue-type": "quorum",
    "x-delivery-limit": deliveryLimit,
    "x-dead-letter-exchange": exchanges.dead,
    // RabbitMQ's "at least once" needs the overflow policy beside it (its documentation: "quorum queues: at-least-once dead lettering").
    "x-dead-letter-strategy": "at-least-once",
    // It is back pressure, too: what a full queue refuses waits in the outboxes (full-queues.ts).
    "x-overflow": "reject-publish",
    ...capOf(queueBytesMax),
  });
  await bindToClients(declaring, queue);
}

/** Where other programs answer to by its name: bound to nothing. Joined as it is if it exists. */
export async function declareReplies(declaring: Declaring, queueBytesMax: number): Promise<void> {
  await declaring.queue(repliesQueue, {
    "x-queue-type": "quorum",
    "x-delivery-limit": deliveryLimit,
    ...capOf(queueBytesMax),
    // While no manager is there nobody waits for the oldest.
    "x-overflow": "drop-head",
  });
}

/** RabbitMQ counts bodies alone, of which an empty message has none: so there is a cap on their number too. */
function capOf(queueBytesMax: number) {
  return {
    "x-max-length-bytes": queueBytesMax,
    "x-max-length": Math.ceil(queueBytesMax / messageBytesMin),
  };
}

/** Binds a group's queue again if it is there. Returns whether it is. */
export async function bindGroupQueue(declaring: Declaring, group: string): Promise<boolean> {
  const queue = groupQueue(group);
  if (!(await declaring.hasQueue(queue))) return false;
  await bindToClients(declaring, queue);
  return true;
}

async function bindToClients(declaring: Declaring, queue: string): Promise<void> {
  await declaring.bindQueue(queue, around.queues(exchanges.fromClients));
  // The first versions of Warren had bound it so: every copy would come that way.
  await declaring.unbindQueue(queue, exchanges.fromClients);
}

/** Where messages go that no processor could handle. */
export async function declareDeadLetters(declaring: Declaring, queueBytesMax: number): Promise<void> {
  await declaring.once(deadQueue, async () => {
    await declaring.between(exchanges.dead);
    await declaring.queue(deadQueue, {
      "x-queue-type": "quorum",
      "x-delivery-limit": looksMax,
      ...capOf(queueBytesMax),
      // The oldest dead letters make room.
      "x-overflow": "drop-head",
    });
    await declaring.bindQueue(deadQueue, exchanges.dead);
  });
}

/** The stream that all managers follow, bound to both exchanges. Joined as it is if it exists. */
export async function declareLogStream(
  declaring: Declaring,
  { maxBytes, maxAgeMs }: LogRetention,
): Promise<void> {
  await declareExchange(declaring, exchanges.fromClients);
  await declareExchange(declaring, exchanges.toClients);
  await declaring.fanout(exchanges.marks);
  await declaring.queue(logStream, {
    "x-queue-type": "stream",
    "x-max-length-bytes": maxBytes,
    "x-max-age": `${Math.ceil(maxAgeMs / 1000)}s`,
    // RabbitMQ drops whole segments, so one must be a small part of the whole.
    "x-stream-max-segment-size-bytes": Math.max(
      64 * 1024,
      Math.min(64 * 1024 ** 2, Math.floor(maxBytes / 16)),
    ),
  });
  await bindToClients(declaring, logStream);
  await declaring.bindQueue(logStream, around.queues(exchanges.toClients));
  await declaring.unbindQueue(logStream, exchanges.toClients);
  await declaring.bindQueue(logStream, exchanges.marks);
}

/** A manager's own queue where there is no log: it goes with its connection, and what comes in between is lost. */
export async function declareOwnQueue(declaring: Declaring): Promise<string> {
  await declareExchange(declaring, exchanges.fromClients);
  await declareExchange(declaring, exchanges.toClients);
  return await declaring.ask(async (channel: Channel) => {
    const { queue } = await channel.assertQueue(`${exchanges.fromClients}.follower-${crypto.randomUUID()}`, {
      exclusive: true,
      durable: false,
    });
    await channel.bindQueue(queue, around.queues(exchanges.fromClients), "");
    await channel.bindQueue(queue, around.queues(exchanges.toClients), "");
    return queue;
  });
}
