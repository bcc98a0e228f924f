import type { Channel, ChannelModel } from "amqplib";
import { eventsGroup } from "../broker/events.ts";
import { exchanges } from "../broker/rabbitmq/topology/exchanges.ts";
import { groupLedger, readGroups, writeGroup } from "../broker/rabbitmq/topology/group-ledger.ts";
import { writeGroupMark } from "../broker/rabbitmq/topology/group-marks.ts";
import { inspectorOn } from "../broker/rabbitmq/topology/queue-inspector.ts";
import { groupQueue } from "../broker/rabbitmq/topology/topology.ts";
import { codeOf } from "../errors.ts";
import type { Group } from "./group.ts";

/** When each group was last seen, in milliseconds since 1970. */
type Seen = ReadonlyMap<string, number>;

/** The groups in the ledger; none if there is no ledger yet. */
export async function seenGroups(connection: ChannelModel): Promise<Seen> {
  try {
    const records = [...(await readGroups(connection)).values()].filter(({ isRemoved }) => !isRemoved);
    return new Map(records.map(({ group, seenMs }) => [group, seenMs]));
  } catch (error) {
    if (codeOf(error) === 404) return new Map();
    throw error;
  }
}

/** The groups among these that have a queue in RabbitMQ, by name. */
export async function lookAt(
  connection: ChannelModel,
  names: Iterable<string>,
  seen: Seen,
  nowMs: number,
): Promise<readonly Group[]> {
  const inspector = inspectorOn(connection);
  const groups: Group[] = [];
  for (const name of [...names].toSorted()) {
    const [main] = await inspector.depths([groupQueue(name)]);
    const [events] = await inspector.depths([groupQueue(eventsGroup(name))]);
    if (main === undefined && events === undefined) continue;
    const consumers = Math.max(main?.consumers ?? 0, events?.consumers ?? 0);
    const seenMs = consumers > 0 ? nowMs : seen.get(name);
    groups.push({ name, consumers, messages: main?.messages ?? 0, events: events?.messages, seenMs });
  }
  return groups;
}

/**
 * Tells managers that these groups are about to be removed. One of which a processor was heard lately has its queue declared again if that
 * is deleted before they have read it.
 */
export async function announceRemoval(connection: ChannelModel, names: readonly string[]): Promise<void> {
  await publishTo(exchanges.marks, connection, (channel) => {
    for (const name of names) writeGroupMark(channel, "removed", name, "groups");
  });
}

/** Deletes a group's queues, and removes it from the ledger. Returns how many messages were deleted. */
export async function remove(connection: ChannelModel, name: string, nowMs: number): Promise<number> {
  const channel = await connection.createChannel();
  channel.on("error", () => undefined);
  // RabbitMQ does not mind if a queue does not exist.
  const main = await channel.deleteQueue(groupQueue(name));
  const events = await channel.deleteQueue(groupQueue(eventsGroup(name)));
  await channel.close();
  const record = { group: name, seenMs: nowMs, isRemoved: true };
  await publishTo(groupLedger, connection, (confirmed) => writeGroup(confirmed, record, nowMs));
  return main.messageCount + events.messageCount;
}

/** Resolves when it is confirmed. If the exchange does not exist, as where there is no log, nobody reads it and nothing is published. */
async function publishTo(
  exchange: string,
  connection: ChannelModel,
  publish: (channel: Channel) => void,
): Promise<void> {
  const channel = await connection.createConfirmChannel();
  channel.on("error", () => undefined);
  try {
    await channel.checkExchange(exchange);
  } catch (error) {
    if (codeOf(error) === 404) return;
    throw error;
  }
  publish(channel);
  await channel.waitForConfirms();
  await channel.close();
}
