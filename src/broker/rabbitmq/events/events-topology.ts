import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import { eventKeys, type Voice } from "../../events.ts";
import { type Declaring, notOfType } from "../topology/declaring.ts";
import { exchanges } from "../topology/exchanges.ts";
import { declareLeft } from "../topology/leaving.ts";
import { declareDeadLetters, deliveryLimit, groupQueue } from "../topology/topology.ts";

/** The topic exchange of all events: the name that programs know. */
const eventsExchange = "wsmanager.events";
/** The stream of what was connected and disconnected, and of the managers' snapshots. */
export const eventsLog = "wsmanager.events.log";
/** Leads to the inboxes of all managers. */
export const managersExchange = "wsmanager.managers";
/** The header by which a voice is told from the one before. */
export const voiceHeader = "voice";

/** What the log of events may hold: a day, which is many times as long as the time between two snapshots. */
const logBytesMax = 1024 ** 3;
const logAgeMax = "1D";
/** Each manager sends one every few seconds; what a frozen one did not read is of no use to it. */
const inboxMessagesMax = 10_000;

/** The exchange by which all managers are told what to do: programs know this name. */
export const controlExchange = "wsmanager.control";

/** The exchange to which a manager publishes its events over one of its connections, by the connection's number. */
export function sourceOf(manager: string, number: number): string {
  return `${eventsExchange}.${manager}.${number}`;
}

/** The exchange by which a source's events reach programs alone, and not the log. */
export function programsOf(source: string): string {
  return `${source}.programs`;
}

/** What the log keeps: what a manager that speaks for another one needs, and no more. What is subscribed to is not in it. */
const loggedKeys = [eventKeys.connected, eventKeys.disconnected, "manager.#"];

/** Whether the log keeps events with this key. */
export function isLogged(key: string): boolean {
  return key !== eventKeys.subscribed && key !== eventKeys.unsubscribed;
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

/** Declares what all managers share. */
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
    notOfType("topic", name, error);
    throw error;
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
  const wanted = { "x-match": "all", [voiceHeader]: nonce };
  await channel.bindExchange(eventsExchange, exchange, "", wanted);
  await channel.bindQueue(eventsLog, exchange, "", wanted);
  return { exchange, nonce };
}

/**
 * The ways by which one manager's events come, for as long as its connection lasts. They are not durable: nothing comes through them after a
 * restart. The log is bound to them, and not to the exchange of all events: else RabbitMQ could not tell whether a program listens.
 */
export async function declareSource(declaring: Declaring, source: string): Promise<void> {
  const programs = programsOf(source);
  await declaring.ask((channel) => channel.assertExchange(source, "topic", { durable: false }));
  await declaring.ask((channel) => channel.bindExchange(eventsExchange, source, "client.*"));
  for (const key of loggedKeys) await declaring.ask((channel) => channel.bindQueue(eventsLog, source, key));
  await declaring.fanout(programs, { durable: false });
  await declaring.ask((channel) => channel.bindExchange(eventsExchange, programs, ""));
}

/** Nothing more comes by a source. */
export async function fenceSource(channel: Channel, source: string): Promise<void> {
  // Programs may have told its name. Nothing else is deleted.
  if (!/^wsmanager\.events\.[\w-]+\.\d+$/.test(source)) return;
  await channel.deleteExchange(programsOf(source));
  await channel.deleteExchange(source);
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
