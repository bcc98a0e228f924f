import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import { codeOf, FatalError, reasonOf } from "../../../errors.ts";
import { eventKeys, type Voice } from "../../events.ts";
import type { Declaring } from "../declaring.ts";
import { exchanges } from "../exchanges.ts";
import { declareLeft } from "../leaving.ts";
import { declareDeadLetters, deliveryLimit, groupQueue } from "../topology.ts";

/** The topic exchange of all events: the name that programs know. */
const eventsExchange = "wsmanager.events";
/** The stream of what was connected and disconnected, and of the managers' snapshots. */
export const eventsLog = "wsmanager.events.log";
/** Leads to the inboxes of all managers. */
export const managersExchange = "wsmanager.managers";
/** By which a voice is told from the one before. */
export const voiceHeader = "voice";

/** What the log of events may hold: a day, which is many times as long as the time between two snapshots. */
const logBytesMax = 1024 ** 3;
const logAgeMax = "1D";
/** Each manager sends one every few seconds; what a frozen one did not read is of no use to it. */
const inboxMessagesMax = 10_000;

/** By which all managers are told what to do: the name that programs know. */
export const controlExchange = "wsmanager.control";

/** The exchange to which a manager publishes its events over one of its connections, by the connection's number. */
export function sourceOf(manager: string, number: number): string {
  return `${eventsExchange}.${manager}.${number}`;
}

/** Held by the manager that settles what another one, or it itself, has left open. */
export function lockOf(manager: string): string {
  return `${eventsExchange}.${manager}.settling`;
}

function voiceOf(manager: string): string {
  return `${eventsExchange}.${manager}.voice`;
}

/** The queue in which others' messages for one manager wait. */
export function inboxOf(manager: string): string {
  return `${managersExchange}.${manager}`;
}

/**
 * Declares what all managers share. The log has what a manager that speaks for another one needs, and no more: it does not keep
 * what is subscribed to.
 */
export async function declareEvents(declaring: Declaring): Promise<void> {
  await declareTopic(declaring, eventsExchange);
  await declaring.fanout(managersExchange);
  await declaring.fanout(controlExchange);
  await declareLeft(declaring);
  await declaring.queue(eventsLog, {
    "x-queue-type": "stream",
    "x-max-length-bytes": logBytesMax,
    "x-max-age": logAgeMax,
    "x-stream-max-segment-size-bytes": logBytesMax / 16,
  });
  for (const key of [eventKeys.connected, eventKeys.disconnected, "manager.#"])
    await declaring.ask((channel) => channel.bindQueue(eventsLog, eventsExchange, key));
}

/**
 * The durable quorum queue of the events that a processor group's handler is for. When it is full the oldest go: a group that was
 * abandoned must not hold managers up.
 *
 * @param group as `eventsGroup` names it
 */
export async function declareEventsQueue(
  declaring: Declaring,
  group: string,
  keys: readonly string[],
  queueBytesMax: number,
): Promise<void> {
  const queue = groupQueue(group);
  await declareTopic(declaring, eventsExchange);
  await declareDeadLetters(declaring, queueBytesMax);
  await declaring.queue(queue, {
    "x-queue-type": "quorum",
    "x-delivery-limit": deliveryLimit,
    "x-dead-letter-exchange": exchanges.dead,
    "x-overflow": "drop-head",
    "x-max-length-bytes": queueBytesMax,
  });
  for (const key of keys) await declaring.ask((channel) => channel.bindQueue(queue, eventsExchange, key));
}

/** @throws FatalError if it exists with another type */
async function declareTopic(declaring: Declaring, name: string): Promise<void> {
  try {
    await declaring.ask((channel) => channel.assertExchange(name, "topic", { durable: true }));
  } catch (error) {
    if (codeOf(error) !== 406 || !/inequivalent arg 'type'/.test(reasonOf(error))) throw error;
    throw new FatalError(
      `the exchange "${name}" exists in RabbitMQ with another type than topic: delete it, or use another vhost in --broker`,
    );
  }
}

/**
 * A new voice. It has the name of the one before, whose binding goes with it: what was published by that one reaches nobody any more.
 */
export async function openVoice(channel: Channel, manager: string): Promise<Voice> {
  const exchange = voiceOf(manager);
  const nonce = crypto.randomUUID();
  await channel.deleteExchange(exchange);
  await channel.assertExchange(exchange, "headers", { durable: false });
  await channel.bindExchange(eventsExchange, exchange, "", { "x-match": "all", [voiceHeader]: nonce });
  return { exchange, nonce };
}

/** The way by which one manager's events come, for as long as its connection lasts. It is not durable: nothing comes through it after a restart. */
export async function declareSource(declaring: Declaring, source: string): Promise<void> {
  await declaring.ask((channel) => channel.assertExchange(source, "fanout", { durable: false }));
  await declaring.ask((channel) => channel.bindExchange(eventsExchange, source, ""));
}

/** Goes with its connection, and so tells whether the manager is connected. */
export async function openInbox(
  connection: ChannelModel,
  manager: string,
  came: (delivery: ConsumeMessage) => void,
  lost: () => void,
): Promise<void> {
  const channel = await connection.createChannel();
  channel.on("error", lost);
  const { queue } = await channel.assertQueue(inboxOf(manager), {
    exclusive: true,
    durable: false,
    arguments: { "x-max-length": inboxMessagesMax },
  });
  await channel.bindQueue(queue, managersExchange, "");
  await channel.bindQueue(queue, controlExchange, "");
  await channel.consume(queue, (delivery) => (delivery === null ? lost() : came(delivery)), { noAck: true });
}
