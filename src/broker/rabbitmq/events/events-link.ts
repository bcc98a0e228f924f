import type { Channel, ChannelModel, ConfirmChannel } from "amqplib";
import { codeOf, reasonOf } from "../../../errors.ts";
import type { Epoch, EventRecord, EventsLink } from "../../events.ts";
import { leaversBody } from "../../leavers.ts";
import type { Drop } from "../connection/watch.ts";
import { channelNumber, closeChannel, innards } from "../frames/innards.ts";
import { leftExchange } from "../topology/leaving.ts";
import { EventFrames, type EventMessage, type Route } from "./event-frames.ts";
import { readEvents } from "./event-reading.ts";
import {
  controlExchange,
  epochHeader,
  fenceSource,
  inboxOf,
  isLogged,
  lockOf,
  managersExchange,
  openEpoch,
  programsOf,
} from "./events-topology.ts";
import type { PendingConfirms } from "./pending-confirms.ts";
import type { RevokedLog } from "./revoked-log.ts";

/** The type of messages for one manager that are not answers. */
export const toOne = "to one";

/** What a manager publishes and asks over its connection for events. */
export class RabbitmqEventsLink implements EventsLink {
  readonly source: string;
  readonly #connection: ChannelModel;
  readonly #telling: Channel;
  readonly #drop: Drop;
  readonly #revoked: RevokedLog;
  readonly #pending: PendingConfirms;
  readonly #write: (frames: Buffer) => void;
  readonly #frames: EventFrames;
  readonly #plain = new Map<string, Route>();
  readonly #probes = new Map<string, Route>();
  /** Events that were published in this turn of the event loop, and are written together. */
  #gathered: EventMessage[] = [];
  #flushing: NodeJS.Immediate | undefined;
  #isOpen = true;
  readonly #manager: string;

  constructor(
    manager: string,
    connection: ChannelModel,
    channel: ConfirmChannel,
    telling: Channel,
    source: string,
    drop: Drop,
    revoked: RevokedLog,
    pending: PendingConfirms,
  ) {
    this.#pending = pending;
    this.#revoked = revoked;
    this.#manager = manager;
    this.source = source;
    this.#connection = connection;
    this.#telling = telling;
    this.#drop = drop;
    const { stream, frameMax } = innards(connection);
    this.#frames = new EventFrames({ channel: channelNumber(channel), frameMax });
    this.#write = (frames) => void stream.write(frames);
  }

  publish(key: string, body: string, epoch?: Epoch): void {
    if (epoch === undefined) this.#gather(this.#routeOf(key, false), body);
    else
      this.#gather({ exchange: epoch.exchange, key, isMandatory: false }, body, {
        [epochHeader]: epoch.nonce,
      });
  }

  probe(key: string, body: string): void {
    this.#gather(this.#routeOf(key, true), body);
  }

  #gather(route: Route, body: string, headers?: EventMessage["headers"]): void {
    if (!this.#isOpen) return;
    this.#flushing ??= setImmediate(() => this.#flush());
    this.#gathered.push({ route, body, headers });
  }

  #routeOf(key: string, isMandatory: boolean): Route {
    const routes = isMandatory ? this.#probes : this.#plain;
    let route = routes.get(key);
    if (route === undefined) {
      const exchange = isMandatory || !isLogged(key) ? programsOf(this.source) : this.source;
      route = { exchange, key, isMandatory };
      routes.set(key, route);
    }
    return route;
  }

  ask(body: string, id: string): void {
    if (!this.#isOpen) return;
    const replyTo = inboxOf(this.#manager);
    this.#telling.publish(controlExchange, "", Buffer.from(body), { replyTo, correlationId: id });
  }

  /** Answers a program or manager that has asked. A late answer is lost if the connection has changed. */
  answer(replyTo: string, properties: { readonly correlationId: string }, body: string): void {
    if (this.#isOpen) this.#telling.publish("", replyTo, Buffer.from(body), properties);
  }

  tell(body: string): void {
    if (this.#isOpen) this.#telling.publish(managersExchange, "", Buffer.from(body));
  }

  tellLeft(askers: readonly string[]): void {
    if (this.#isOpen) this.#telling.publish(leftExchange, "", Buffer.from(leaversBody(askers)));
  }

  tellOne(manager: string, body: string): void {
    if (this.#isOpen) this.#telling.publish("", inboxOf(manager), Buffer.from(body), { type: toOne });
  }

  async fence(source: string): Promise<void> {
    await this.#ask((channel) => fenceSource(channel, source));
  }

  async isFenced(source: string): Promise<boolean> {
    return !(await this.#exists((channel) => channel.checkExchange(source)));
  }

  async read(from: "first" | number, until: string, visit: (record: EventRecord) => void): Promise<void> {
    await readEvents(this.#connection, from, until, visit);
  }

  async isConnected(manager: string): Promise<boolean> {
    return await this.#exists((channel) => channel.checkQueue(inboxOf(manager)));
  }

  async alone(manager: string, job: (epoch: Epoch) => Promise<void>): Promise<boolean> {
    const channel = await this.#connection.createChannel();
    channel.on("error", () => undefined);
    try {
      await channel.assertQueue(lockOf(manager), { exclusive: true, durable: false });
    } catch (error) {
      if (codeOf(error) === 405) return false;
      throw error;
    }
    try {
      await job(await openEpoch(channel, manager));
    } finally {
      const unlock = async () => {
        await channel.deleteQueue(lockOf(manager));
        await closeChannel(channel);
      };
      await unlock().catch((error: unknown) => this.giveUp(reasonOf(error)));
    }
    return true;
  }

  async revoke(body: string): Promise<void> {
    await this.#revoked.write(body);
  }

  giveUp(why: string): void {
    if (this.#isOpen) this.#drop(why);
  }

  end(): void {
    this.#isOpen = false;
    clearImmediate(this.#flushing);
    this.#gathered = [];
  }

  #flush(): void {
    const gathered = this.#gathered;
    this.#gathered = [];
    this.#flushing = undefined;
    if (!this.#isOpen || gathered.length === 0) return;
    this.#pending.add(gathered.length);
    this.#write(this.#frames.write(gathered));
  }

  async #exists(question: (channel: Channel) => Promise<unknown>): Promise<boolean> {
    try {
      await this.#ask(question);
      return true;
    } catch (error) {
      if (codeOf(error) === 404) return false;
      // The queue exists, and belongs to another connection.
      if (codeOf(error) === 405) return true;
      throw error;
    }
  }

  /** Asks a question on a channel of its own, since RabbitMQ closes the channel to answer "no". */
  async #ask<T>(question: (channel: Channel) => Promise<T>): Promise<T> {
    const channel = await this.#connection.createChannel();
    channel.on("error", () => undefined);
    const answer = await question(channel);
    await closeChannel(channel);
    return answer;
  }
}
