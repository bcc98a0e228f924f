import type { Channel, ChannelModel, Options } from "amqplib";
import { codeOf, FatalError, reasonOf } from "../../errors.ts";
import type { Log } from "../../ops/log.ts";

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

/** Each declaration runs on a channel of its own, since RabbitMQ closes a channel to answer "no". */
async function onOwnChannel<T>(
  connection: ChannelModel,
  declare: (channel: Channel) => Promise<T>,
): Promise<T> {
  const channel = await connection.createChannel();
  // The rejected declaration says the same; without a listener the event would be thrown.
  channel.on("error", () => undefined);
  const result = await declare(channel);
  await channel.close();
  return result;
}

/**
 * Joins a fanout exchange as it is, durable or not, and creates it durable if it does not exist.
 *
 * @throws FatalError if it exists with another type
 */
async function declareFanout(
  connection: ChannelModel,
  name: string,
  options: Options.AssertExchange = {},
): Promise<void> {
  try {
    await onOwnChannel(connection, (channel) =>
      channel.assertExchange(name, "fanout", { durable: true, ...options }),
    );
  } catch (error) {
    // 406: it exists with other arguments. RabbitMQ compares the type first and names what differs; there is no
    // other way to learn an exchange's type over AMQP.
    if (codeOf(error) !== 406) throw forbidden(error, `exchange "${name}"`);
    if (/inequivalent arg 'type'/.test(reasonOf(error))) {
      throw new FatalError(
        `the exchange "${name}" exists in RabbitMQ with another type than fanout: delete it, or use another vhost in --broker`,
      );
    }
  }
}

/**
 * One of the two exchanges that other programs know. Warren's queues are bound to an inner exchange behind it, so that
 * whoever declares it again after it was deleted (or went with a restart, if it was not durable) restores the way to
 * every queue at once, and before he publishes: RabbitMQ confirms what reaches no queue.
 *
 * @throws FatalError if it exists with another type
 */
export async function declareExchange(connection: ChannelModel, name: string): Promise<void> {
  const inner = innerExchange(name);
  await declareFanout(connection, name);
  await declareFanout(connection, inner, { internal: true });
  await onOwnChannel(connection, (channel) => channel.bindExchange(inner, name, ""));
}

function innerExchange(name: string): string {
  return `${name}.queues`;
}

/** The durable quorum queue of a processor group, bound to `wsmanager`. Joined as it is if it exists. */
export async function declareGroupQueue(connection: ChannelModel, group: string, log: Log): Promise<void> {
  const queue = groupQueue(group);
  await declareExchange(connection, exchanges.fromClients);
  await declareDeadLetters(connection, log);
  await declareQueue(connection, queue, log, {
    "x-queue-type": "quorum",
    "x-delivery-limit": deliveryLimit,
    "x-dead-letter-exchange": exchanges.dead,
    // At least once needs the overflow policy beside it (RabbitMQ, "quorum queues: at-least-once dead lettering").
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",
  });
  await onOwnChannel(connection, (channel) =>
    channel.bindQueue(queue, innerExchange(exchanges.fromClients), ""),
  );
}

/** Where messages go that no processor could handle. */
export async function declareDeadLetters(connection: ChannelModel, log: Log): Promise<void> {
  await declareFanout(connection, exchanges.dead);
  await declareQueue(connection, deadQueue, log, { "x-queue-type": "quorum" });
  await onOwnChannel(connection, (channel) => channel.bindQueue(deadQueue, exchanges.dead, ""));
}

/** How much of the log RabbitMQ keeps. */
export interface LogRetention {
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

/** The stream that all managers follow, bound to both exchanges. Joined as it is if it exists. */
export async function declareLogStream(
  connection: ChannelModel,
  { maxBytes, maxAgeMs }: LogRetention,
  log: Log,
): Promise<void> {
  await declareExchange(connection, exchanges.fromClients);
  await declareExchange(connection, exchanges.toClients);
  await declareFanout(connection, exchanges.marks);
  await declareQueue(connection, logStream, log, {
    "x-queue-type": "stream",
    "x-max-length-bytes": maxBytes,
    "x-max-age": `${Math.ceil(maxAgeMs / 1000)}s`,
    // RabbitMQ drops whole segments, so one must be a small part of the whole.
    "x-stream-max-segment-size-bytes": Math.max(
      64 * 1024,
      Math.min(64 * 1024 ** 2, Math.floor(maxBytes / 16)),
    ),
  });
  await onOwnChannel(connection, async (channel) => {
    await channel.bindQueue(logStream, innerExchange(exchanges.fromClients), "");
    await channel.bindQueue(logStream, innerExchange(exchanges.toClients), "");
    await channel.bindQueue(logStream, exchanges.marks, "");
  });
}

/** A manager's own queue where there is no log: it goes with its connection, and what comes in between is lost. */
export async function declareOwnQueue(connection: ChannelModel): Promise<string> {
  await declareExchange(connection, exchanges.fromClients);
  await declareExchange(connection, exchanges.toClients);
  return await onOwnChannel(connection, async (channel) => {
    const { queue } = await channel.assertQueue(`${exchanges.fromClients}.follower-${crypto.randomUUID()}`, {
      exclusive: true,
      durable: false,
    });
    await channel.bindQueue(queue, innerExchange(exchanges.fromClients), "");
    await channel.bindQueue(queue, innerExchange(exchanges.toClients), "");
    return queue;
  });
}

async function declareQueue(
  connection: ChannelModel,
  name: string,
  log: Log,
  args: NonNullable<Options.AssertQueue["arguments"]>,
): Promise<void> {
  try {
    await onOwnChannel(connection, (channel) =>
      channel.assertQueue(name, { durable: true, arguments: args }),
    );
  } catch (error) {
    if (codeOf(error) !== 406) throw forbidden(error, `queue "${name}"`);
    log.info("queue exists with settings of its own, joining it as it is", {
      queue: name,
      reason: reasonOf(error),
    });
  }
}

/** 403 is a lack of permission, which no retry mends. */
function forbidden(error: unknown, what: string): unknown {
  if (codeOf(error) !== 403) return error;
  return new FatalError(
    `the RabbitMQ user may not declare or use the ${what}: grant it configure, write and read on ^(wsmanager|towsmanager)(\\..*)?$ (${reasonOf(error)})`,
  );
}

/**
 * Reads from the log for a moment, which fails until RabbitMQ has it open. Just after a restart RabbitMQ takes connections
 * before its streams are there, and confirms what never gets into them (seen with 3.10). A log that does not exist, or that this
 * user may not read, is nobody's to wait for.
 */
export async function tryLog(connection: ChannelModel): Promise<void> {
  try {
    await onOwnChannel(connection, async (channel) => {
      await channel.prefetch(1);
      await channel.consume(logStream, () => undefined, { arguments: { "x-stream-offset": "next" } });
    });
  } catch (error) {
    const isNotThere = codeOf(error) === 404 && /no queue/.test(reasonOf(error));
    if (!isNotThere && codeOf(error) !== 403) throw error;
  }
}
