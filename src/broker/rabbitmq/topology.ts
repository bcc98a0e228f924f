import type { Channel, ChannelModel } from "amqplib";
import { copyHeader } from "../../envelope/envelope.ts";
import { codeOf } from "../../errors.ts";
import { repliesQueue } from "../../requests.ts";
import type { Exchange } from "../broker.ts";
import type { Needed } from "./check-frames.ts";
import type { Declaring } from "./declaring.ts";

/** The names in RabbitMQ. The first two are the contract; the others are Warren's own. */
export const exchanges = {
  fromClients: "wsmanager",
  toClients: "towsmanager",
  dead: "wsmanager.dead",
  /** What goes into the log alone. */
  marks: "wsmanager.log",
} as const;
export const logStream = "wsmanager.log";
export const deadQueue = "wsmanager.dead";

export function groupQueue(group: string): string {
  return `${exchanges.fromClients}.${group}`;
}

/** A message that was delivered this often without an ack killed its processors: RabbitMQ dead-letters it. */
const deliveryLimit = 20;

/** How often dead letters may be looked at: RabbitMQ 4.0 to 4.2 counts a look as a failed delivery, and drops after 20 by default. */
const looksMax = 1_000_000;

/** What a message in a queue counts at least towards its cap, in bytes. */
const messageBytesMin = 1024;

/** The exchanges around each of the two that other programs know. */
const around = {
  /** To it, Warren's queues are bound. */
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

/** Which of the two exchanges a delivery has come by, whoever published it. */
export function cameBy(exchange: string): string {
  return publicNames.get(exchange) ?? exchange;
}

const publicNames = new Map<string, string>(
  [exchanges.fromClients, exchanges.toClients].map((name) => [around.packed(name), name]),
);

/** How much of the log RabbitMQ keeps. */
export interface LogRetention {
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

/** What is to be there before anything is published. */
export interface Topology {
  readonly publishedTo: readonly Exchange[];
  /** The log that is declared if it is missing. */
  readonly log: LogRetention | "off";
  /** The groups whose queues are declared if they are missing. */
  readonly groups: readonly string[];
  /** What a new queue of a group, or of dead letters, may hold. In bytes. */
  readonly queueBytesMax: number;
}

/** Declares the exchanges with all queues that publishing relies on, whoever consumes them. */
export async function declareTopology(declaring: Declaring, topology: Topology): Promise<void> {
  const { publishedTo, log, groups, queueBytesMax } = topology;
  if (log !== "off") await declareLogStream(declaring, log);
  else {
    for (const exchange of publishedTo)
      if (exchange !== exchanges.dead) await declareExchange(declaring, exchange);
  }
  if (publishedTo.includes(exchanges.dead)) await declareDeadLetters(declaring, queueBytesMax);
  for (const group of groups) await declareGroupQueue(declaring, group, queueBytesMax);
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

function allOf(name: string): [string, ...string[]] {
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
 * Warren's queues are bound to NAME.queues alone, so that whoever declares an exchange again after it was deleted (or went with a
 * restart, if it was not durable) restores the way to every queue at once, and before he publishes: RabbitMQ confirms what
 * reaches no queue.
 *
 * Before there were copies, NAME was bound to NAME.queues directly. That binding goes when the new way is there, and before this
 * process publishes any copy. While both exist, RabbitMQ brings a message to each queue once, whichever way it came.
 *
 * @throws FatalError if one of them exists with another type, or NAME.select with other settings
 */
async function declareExchange(declaring: Declaring, name: string): Promise<void> {
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
    // At least once needs the overflow policy beside it (RabbitMQ, "quorum queues: at-least-once dead lettering").
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
  // As the first versions of Warren had bound it: every copy would come that way.
  await declaring.unbindQueue(queue, exchanges.fromClients);
}

/** Where messages go that no processor could handle. */
async function declareDeadLetters(declaring: Declaring, queueBytesMax: number): Promise<void> {
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

/**
 * Reads from the log for a moment, which fails until RabbitMQ has it open. Just after a restart RabbitMQ takes connections
 * before its streams are there, and confirms what never gets into them (seen with 3.10). A log that this user may not read is
 * nobody's to wait for.
 */
export async function tryLog(connection: ChannelModel): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await readLog(connection);
      return;
    } catch (error) {
      // A log that was declared just now opens within some milliseconds.
      if (attempt === attemptsMax) throw error;
      await Bun.sleep(attemptAfterMs);
    }
  }
}

const attemptsMax = 10;
const attemptAfterMs = 50;

async function readLog(connection: ChannelModel): Promise<void> {
  const channel = await connection.createChannel();
  // The rejected question says the same; without a listener the event would be thrown.
  channel.on("error", () => undefined);
  try {
    await channel.prefetch(1);
    await channel.consume(logStream, () => undefined, { arguments: { "x-stream-offset": "next" } });
  } catch (error) {
    if (codeOf(error) !== 403) throw error;
    return;
  }
  await channel.close();
}
