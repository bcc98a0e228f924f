import type { ChannelModel } from "amqplib";
import { eventsGroup } from "../broker/events.ts";
import { groupLedger, readGroups, writeGroup } from "../broker/rabbitmq/topology/group-ledger.ts";
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

/** Deletes a group's queues, and removes it from the ledger. Returns how many messages were deleted. */
export async function remove(connection: ChannelModel, name: string, nowMs: number): Promise<number> {
  const channel = await connection.createChannel();
  channel.on("error", () => undefined);
  // RabbitMQ does not mind if a queue does not exist.
  const main = await channel.deleteQueue(groupQueue(name));
  const events = await channel.deleteQueue(groupQueue(eventsGroup(name)));
  await channel.close();
  await forget(connection, name, nowMs);
  return main.messageCount + events.messageCount;
}

/** If there is no ledger, there is nothing to remove. */
async function forget(connection: ChannelModel, group: string, nowMs: number): Promise<void> {
  const channel = await connection.createConfirmChannel();
  channel.on("error", () => undefined);
  try {
    await channel.checkExchange(groupLedger);
  } catch (error) {
    if (codeOf(error) === 404) return;
    throw error;
  }
  writeGroup(channel, { group, seenMs: nowMs, isRemoved: true }, nowMs);
  await channel.waitForConfirms();
  await channel.close();
}
