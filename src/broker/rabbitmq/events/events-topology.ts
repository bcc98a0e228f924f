import type { Channel, ConsumeMessage } from "amqplib";
import { type Epoch, eventKeys } from "../../events.ts";
import type { Life } from "../connection/life.ts";
import type { Declarations } from "../topology/declarations.ts";
import { exchanges } from "../topology/exchanges.ts";
import { keepBound } from "../topology/keeping-bound.ts";
import { declareLeft } from "../topology/leaving.ts";
import { declareDeadLetters, deliveryLimit, groupQueue } from "../topology/topology.ts";

/** The topic exchange of all events, under the name that programs know. */
const eventsExchange = "wsmanager.events";
/** The stream of connects and disconnects, and of the managers' snapshots. */
export const eventsLog = "wsmanager.events.log";
/** Leads to the inboxes of all managers. */
export const managersExchange = "wsmanager.managers";
/** The header that distinguishes an epoch from the previous one. */
export const epochHeader = "epoch";

/** What the log of events may hold: about a day, many times the interval between two snapshots. */
const logBytesMax = 1024 ** 3;
const logAgeMax = "1D";
/** The limit of an inbox. Each manager sends a message every few seconds, and a frozen manager has no use for what it did not read. */
const inboxMessagesMax = 10_000;

/** The exchange for commands to all managers, under the name that programs know. */
export const controlExchange = "wsmanager.control";

/** The exchange to which a manager publishes its events. @param number tells the manager's connections apart */
export function sourceOf(manager: string, number: number): string {
  return `${eventsExchange}.${manager}.${number}`;
}

/** The exchange through which a source's events reach only programs, and not the log. */
export function programsOf(source: string): string {
  return `${source}.programs`;
}

/** The keys of events that the log keeps: only what a manager needs that has to speak for another one. Subscriptions are not in it. */
const loggedKeys = [eventKeys.connected, eventKeys.disconnected, "manager.#"];

/** Whether the log keeps events with this key. */
export function isLogged(key: string): boolean {
  return key !== eventKeys.subscribed && key !== eventKeys.unsubscribed;
}

/** The lock of the manager that settles what this one has left open. */
export function lockOf(manager: string): string {
  return `${eventsExchange}.${manager}.settling`;
}

function epochExchangeOf(manager: string): string {
  return `${eventsExchange}.${manager}.epoch`;
}

/** The queue for messages from other managers to this one. */
export function inboxOf(manager: string): string {
  return `${managersExchange}.${manager}`;
}

/** Declares what all managers share, and the exchanges for one manager's events. @param source the name of these */
export async function declareEvents(declaring: Declarations, source: string): Promise<void> {
  await declaring.topic(eventsExchange);
  await declaring.fanout(managersExchange);
  await declaring.fanout(controlExchange);
  await declareLeft(declaring);
  await declaring.queue(eventsLog, {
    "x-queue-type": "stream",
    "x-max-length-bytes": logBytesMax,
    "x-max-age": logAgeMax,
    "x-stream-max-segment-size-bytes": logBytesMax / 16,
  });
  await declareSource(declaring, source);
}

/**
 * Declares the durable quorum queue with the events for a processor group's handler. When it is full the oldest are dropped, since an
 * abandoned group must not hold managers up.
 *
 * @param group a name from `eventsGroup`
 */
export async function declareEventsQueue(
  declaring: Declarations,
  group: string,
  keys: readonly string[],
  queueBytesMax: number,
): Promise<void> {
  const queue = groupQueue(group);
  await declaring.topic(eventsExchange);
  await declareDeadLetters(declaring, queueBytesMax);
  await declaring.queue(queue, {
    "x-queue-type": "quorum",
    "x-delivery-limit": deliveryLimit,
    "x-dead-letter-exchange": exchanges.dead,
    "x-overflow": "drop-head",
    "x-max-length-bytes": queueBytesMax,
  });
  for (const key of keys) await declaring.bindQueue(queue, eventsExchange, key);
}

/** Keeps the bindings of that queue. */
export async function keepEventsQueue(life: Life, group: string, keys: readonly string[]): Promise<void> {
  const channel = await life.channel();
  const queue = groupQueue(group);
  keepBound(life, () => Promise.all(keys.map((key) => channel.bindQueue(queue, eventsExchange, key))));
}

/**
 * Opens a new epoch of a manager, and fences the previous one: both have the same exchange, which gets a new binding, so what was published
 * under the previous epoch reaches nobody any more.
 */
export async function openEpoch(channel: Channel, manager: string): Promise<Epoch> {
  const exchange = epochExchangeOf(manager);
  const nonce = crypto.randomUUID();
  await channel.deleteExchange(exchange);
  await channel.assertExchange(exchange, "headers", { durable: false });
  const wanted = { "x-match": "all", [epochHeader]: nonce };
  await channel.bindExchange(eventsExchange, exchange, "", wanted);
  await channel.bindQueue(eventsLog, exchange, "", wanted);
  return { exchange, nonce };
}

/**
 * Declares the exchanges for one manager's events, for as long as its connection lasts. They are not durable, since nothing comes through
 * them after a restart. The log is bound to them, and not to the exchange of all events; otherwise RabbitMQ could not tell whether a
 * program listens.
 */
async function declareSource(declaring: Declarations, source: string): Promise<void> {
  await declaring.topic(source, { durable: false });
  for (const key of loggedKeys) await declaring.bindQueue(eventsLog, source, key);
  await declaring.fanout(programsOf(source), { durable: false });
  for (const [from, key] of waysToPrograms(source))
    await declaring.bindExchange(eventsExchange, from, {}, key);
}

/** The exchanges that lead to the exchange of all events, with the keys of what goes that way. */
function waysToPrograms(source: string): readonly (readonly [exchange: string, key: string])[] {
  return [
    [source, "client.*"],
    [programsOf(source), ""],
  ];
}

/** Makes sure that nothing more comes from a source. */
export async function fenceSource(channel: Channel, source: string): Promise<void> {
  // A foreign program may have sent this name, so nothing but a source may be deleted.
  if (!/^wsmanager\.events\.[\w-]+\.\d+$/.test(source)) return;
  await channel.deleteExchange(programsOf(source));
  await channel.deleteExchange(source);
}

/** Declares a queue that goes with its connection, and so shows whether the manager is connected. */
export async function openInbox(
  life: Life,
  manager: string,
  came: (delivery: ConsumeMessage) => void,
): Promise<void> {
  const channel = await life.channel();
  const { queue } = await channel.assertQueue(inboxOf(manager), {
    exclusive: true,
    durable: false,
    arguments: { "x-max-length": inboxMessagesMax },
  });
  const bind = () =>
    Promise.all([managersExchange, controlExchange].map((from) => channel.bindQueue(queue, from, "")));
  await bind();
  const lost = () => life.drop("the manager's inbox has gone");
  await channel.consume(queue, (delivery) => (delivery === null ? lost() : came(delivery)), { noAck: true });
  keepBound(life, bind);
}

/** Keeps the way of a source's events to programs, also where somebody deletes the exchange of all events. */
export function keepSource(life: Life, channel: Channel, source: string): void {
  const ways = waysToPrograms(source);
  keepBound(life, () =>
    Promise.all(ways.map(([from, key]) => channel.bindExchange(eventsExchange, from, key))),
  );
}
