import { repliesQueue } from "../../../requests.ts";
import type { Exchange } from "../../broker.ts";
import type { Needed } from "../frames/check-frames.ts";
import type { Declarations } from "./declarations.ts";
import type { Declaring } from "./declaring.ts";
import { allOf, around, declareExchange, exchanges } from "./exchanges.ts";
import { declareGroupLedger } from "./group-ledger.ts";

/** The stream of the shared log. */
export const logStream = "wsmanager.log";
/** The queue in which dead letters wait for a person. */
export const deadQueue = "wsmanager.dead";

/** The queue of a processor group. */
export function groupQueue(group: string): string {
  return `${exchanges.fromClients}.${group}`;
}

/** A message that was delivered this often without an ack has killed its processors: RabbitMQ dead-letters it. */
export const deliveryLimit = 20;

/** How often dead letters may be listed. RabbitMQ 4.0 to 4.2 counts that as a failed delivery, and by default drops messages after 20. */
const looksMax = 1_000_000;

/** The least that a message in a queue counts towards the queue's cap, in bytes. */
const messageBytesMin = 1024;

/** How much of the log RabbitMQ keeps. */
export interface LogRetention {
  /** Beyond this size RabbitMQ drops the oldest records. */
  readonly maxBytes: number;
  /** Older records may be dropped. */
  readonly maxAgeMs: number;
}

/** What has to exist before anything is published. */
export interface Topology {
  /** The exchanges that this role publishes to. */
  readonly publishedTo: readonly Exchange[];
  /** The log, which is declared if it is missing. */
  readonly log: LogRetention | "off";
  /** The groups whose queues are declared if they are missing. */
  readonly groups: readonly string[];
  /** What a new queue of a group, or of dead letters, may hold. In bytes. */
  readonly queueBytesMax: number;
}

/** Declares the exchanges with all queues that publishing relies on, including those that other processes consume. */
export async function declareTopology(declaring: Declarations, topology: Topology): Promise<void> {
  const { publishedTo, log, groups, queueBytesMax } = topology;
  if (log !== "off") await declareLogStream(declaring, log);
  else {
    for (const exchange of publishedTo)
      if (exchange !== exchanges.dead) await declareExchange(declaring, exchange);
  }
  if (publishedTo.includes(exchanges.dead)) await declareDeadLetters(declaring, queueBytesMax);
  for (const group of groups) await declareGroupQueue(declaring, group, queueBytesMax);
  // Managers read its records, and do not if there is no log.
  if (log !== "off" && groups.length > 0) await declareGroupLedger(declaring);
}

/** What has to exist after a publish to this exchange, if the publish is to have reached everybody. */
export function neededBy(exchange: Exchange, { log, groups }: Pick<Topology, "log" | "groups">): Needed {
  if (exchange === exchanges.dead) return { exchanges: [exchange], queues: [deadQueue] };
  const isProcessors = exchange === exchanges.toClients && groups.length > 0;
  return {
    // Processors check the way to their own queue too, in case no manager knows of them.
    exchanges: isProcessors ? [...allOf(exchanges.fromClients), ...allOf(exchange)] : allOf(exchange),
    queues: [...(log === "off" ? [] : [logStream]), ...groups.map(groupQueue)],
  };
}

/** Declares the durable quorum queue of a processor group, bound to `wsmanager`. An existing queue is used as it is. */
export async function declareGroupQueue(
  declaring: Declarations,
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
    // RabbitMQ's "at least once" requires this overflow policy (see its documentation: "quorum queues: at-least-once dead lettering").
    "x-dead-letter-strategy": "at-least-once",
    // It also provides back pressure: what a full queue refuses waits in the outboxes (full-queues.ts).
    "x-overflow": "reject-publish",
    ...capOf(queueBytesMax),
  });
  await bind(declaring, queue);
}

/** Declares the queue to which other programs send answers by its name. It has no bindings. An existing queue is used as it is. */
export async function declareReplies(declaring: Declarations, queueBytesMax: number): Promise<void> {
  await declaring.queue(repliesQueue, {
    "x-queue-type": "quorum",
    "x-delivery-limit": deliveryLimit,
    ...capOf(queueBytesMax),
    // While no manager runs, nobody waits for the oldest answers.
    "x-overflow": "drop-head",
  });
}

/** The cap of a queue. RabbitMQ counts only bodies, and an empty message has none, so the number of messages is limited too. */
function capOf(queueBytesMax: number) {
  return {
    "x-max-length-bytes": queueBytesMax,
    "x-max-length": Math.ceil(queueBytesMax / messageBytesMin),
  };
}

/** Binds a group's queue again if it exists. Returns whether it does. */
export async function bindGroupQueue(declaring: Declaring, group: string): Promise<boolean> {
  const queue = groupQueue(group);
  if (!(await declaring.hasQueue(queue))) return false;
  await bind(declaring, queue);
  return true;
}

/** The exchanges from which a queue of a group, the log or the queue of dead letters gets what is published. */
export function boundTo(queue: string): readonly string[] {
  if (queue === deadQueue) return [exchanges.dead];
  const fromClients = around.queues(exchanges.fromClients);
  if (queue !== logStream) return [fromClients];
  return [fromClients, around.queues(exchanges.toClients), exchanges.marks];
}

async function bind(declaring: Declarations, queue: string): Promise<void> {
  const bound = boundTo(queue);
  for (const exchange of bound) await declaring.bindQueue(queue, exchange);
  // The first versions of Warren bound queues like this. Every copy would come that way.
  for (const exchange of [exchanges.fromClients, exchanges.toClients])
    if (bound.includes(around.queues(exchange))) await declaring.unbindQueue(queue, exchange);
}

/** Declares the queue for messages that no processor could handle. */
export async function declareDeadLetters(declaring: Declarations, queueBytesMax: number): Promise<void> {
  await declaring.once(deadQueue, async () => {
    await declaring.between(exchanges.dead);
    await declaring.queue(deadQueue, {
      "x-queue-type": "quorum",
      "x-delivery-limit": looksMax,
      ...capOf(queueBytesMax),
      // The oldest dead letters make room for new ones.
      "x-overflow": "drop-head",
    });
    await bind(declaring, deadQueue);
  });
}

/** Declares the stream that all managers follow, bound to both exchanges. An existing stream is used as it is. */
export async function declareLogStream(
  declaring: Declarations,
  { maxBytes, maxAgeMs }: LogRetention,
): Promise<void> {
  await declareExchange(declaring, exchanges.fromClients);
  await declareExchange(declaring, exchanges.toClients);
  await declaring.fanout(exchanges.marks);
  await declaring.queue(logStream, {
    "x-queue-type": "stream",
    "x-max-length-bytes": maxBytes,
    "x-max-age": `${Math.ceil(maxAgeMs / 1000)}s`,
    // RabbitMQ drops whole segments, so a segment must be a small part of the log.
    "x-stream-max-segment-size-bytes": Math.max(
      64 * 1024,
      Math.min(64 * 1024 ** 2, Math.floor(maxBytes / 16)),
    ),
  });
  await bind(declaring, logStream);
}
