import type { Missed } from "../broker/broker.ts";
import type { FeedSink } from "../log/feed.ts";
import type { LogRecord } from "../log/record.ts";
import type { Message } from "../message.ts";
import type { AnyMetric } from "../ops/metrics.ts";
import { Notices } from "../ops/notices.ts";
import { Backpressure } from "./clients/backpressure.ts";
import type { Client, ClientSocket } from "./clients/client.ts";
import { Connections } from "./clients/connections.ts";
import { sayFarewell } from "./clients/farewell.ts";
import { Holds } from "./clients/holds.ts";
import { partEvenly } from "./clients/parting.ts";
import { Roster } from "./clients/roster.ts";
import { Shares } from "./clients/shares.ts";
import { TimerWheel } from "./clients/timer-wheel.ts";
import { Traffic } from "./clients/traffic.ts";
import { Turns } from "./clients/turns.ts";
import { Visits } from "./clients/visits.ts";
import { durableMetrics } from "./durable/durable-metrics.ts";
import { Durables } from "./durable/durables.ts";
import { defaultRetryBackoff } from "./durable/sweeps.ts";
import { Ingress } from "./fan-out/ingress.ts";
import { Multicast } from "./fan-out/multicast.ts";
import { Relay } from "./fan-out/relay.ts";
import { gatewayMetrics } from "./gateway-metrics.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import { Backlogs, roomFor } from "./limits/backlogs.ts";
import { Limits } from "./limits/limits.ts";
import { memoryLimit } from "./limits/memory-limit.ts";
import { Rooms } from "./presence/rooms.ts";
import type { Door, Protocol } from "./protocol.ts";
import { doors, type ProtocolMaker, protocols } from "./protocols.ts";
import { Requests } from "./requests/requests.ts";
import { Entrance } from "./server/entrance.ts";
import { Listeners } from "./server/listeners.ts";
import { OriginGuard } from "./server/origin-guard.ts";
import { Refusals } from "./server/refusals.ts";
import { GatewayServer, messageMaxOf } from "./server/server.ts";

/** How long the last answers to HTTP requests may take, in milliseconds. */
const answersMs = 1000;

/**
 * The WebSocket side: who is connected, by which protocol, and the way to and from them. What clients say is the protocols'
 * to understand, `ingress.ts` takes it, and `relay.ts` brings it to its topic's clients.
 */
export class Gateway implements FeedSink {
  readonly #options: GatewayOptions;
  readonly #server: GatewayServer;
  readonly #entrance: Entrance;
  readonly #protocols: Protocol[] = [];
  readonly #doors: readonly Door[];
  readonly #relay = new Relay();
  readonly #ingress: Ingress;
  readonly #clients = new Roster();
  readonly #connections: Connections;
  readonly #holds = new Holds();
  readonly #turns = new Turns(this.#holds, (socket) => this.#connections.left(socket));
  readonly #refusals: Refusals;
  readonly #traffic = new Traffic(() => this.#relay.publishedBytes);
  readonly #visits: Visits;
  readonly #durables: Durables | undefined;
  readonly #rooms: Rooms | undefined;
  readonly #backpressure: Backpressure;
  readonly #shares: Shares;
  readonly #limits: Limits;
  readonly #wheel = new TimerWheel();
  readonly #requests = new Requests(this.#wheel);
  readonly #backlogs: Backlogs;
  readonly #multicast = new Multicast();
  readonly #listeners = new Listeners(
    (listening) => this.#server.serve(listening),
    (bytes) => this.#backlogs.sent(bytes),
    this.#multicast,
  );

  /** @param makers the protocols that clients may speak */
  constructor(options: GatewayOptions, makers: readonly ProtocolMaker[] = protocols) {
    this.#options = options;
    this.#relay.serveBy(this.#listeners);
    this.#requests.onLeft = options.onAskerLeft;
    const { sharedLog, logMemoryBytes, clientBufferBytes, announcements, uplink } = options;
    const notices = new Notices(options.logger);
    this.#visits = new Visits(options.logger, this.#traffic);
    this.#refusals = new Refusals(options.logger);
    const largestBytes = Math.max(options.maxMessageBytes, sharedLog?.recordBytesMax ?? clientBufferBytes);
    const memoryMaxBytes = options.clientsMemoryBytes ?? memoryLimit() / 4;
    const keptBytes = () => this.#doors.reduce((bytes, door) => bytes + door.keptBytes, 0);
    this.#backlogs = new Backlogs(
      { clientBufferBytes, largestBytes, memoryMaxBytes, keptBytes },
      this.#wheel,
      this.#holds,
      this.#clients,
    );
    const sent = (bytes: number) => {
      this.#traffic.sentBytes += bytes;
      this.#backlogs.sent(bytes);
    };
    const outlet = { room: roomFor(clientBufferBytes), sent };
    if (options.presence !== undefined) this.#rooms = new Rooms(options.presence, this.#relay, outlet);
    if (sharedLog !== undefined) {
      this.#durables = new Durables(
        sharedLog,
        this.#relay,
        logMemoryBytes,
        defaultRetryBackoff,
        outlet,
        options.lastValuesMaxBytes,
      );
    }
    this.#backpressure = new Backpressure(this.#holds, this.#clients, () => uplink.freeBytes <= 0);
    this.#shares = new Shares(this.#holds, uplink, this.#backpressure);
    this.#limits = new Limits(
      { ...options, messageMaxBytes: messageMaxOf(options) },
      this.#wheel,
      this.#holds,
      this.#clients,
      (bytes) => this.#backlogs.sent(bytes),
    );
    this.#connections = new Connections({
      clients: this.#clients,
      holds: this.#holds,
      turns: this.#turns,
      backpressure: this.#backpressure,
      backlogs: this.#backlogs,
      limits: this.#limits,
      traffic: this.#traffic,
      visits: this.#visits,
      announcements,
    });
    const count = (socket: ClientSocket, messages: number, bytes: number) =>
      this.#limits.count(socket, messages, bytes);
    this.#ingress = new Ingress({ ...options, relay: this.#relay, shares: this.#shares, count });
    const surroundings = {
      ...options,
      protocols: this.#protocols,
      relay: this.#relay,
      ingress: this.#ingress,
      holds: this.#holds,
      listeners: this.#listeners,
      shares: this.#shares,
      durables: this.#durables,
      rooms: this.#rooms,
      wheel: this.#wheel,
      sent,
      turns: this.#turns,
      requests: this.#requests,
      count,
      identified: (socket: ClientSocket) => this.#connections.identified(socket),
    };
    for (const make of makers) this.#protocols.push(make(surroundings));
    const origins = new OriginGuard(options, notices);
    this.#entrance = new Entrance(options, this.#protocols, this.#refusals, this.#limits, origins);
    const ways = {
      ...surroundings,
      entrance: this.#entrance,
      origins,
      refusals: this.#refusals,
      limits: this.#limits,
      connections: this.#connections,
      multicast: this.#multicast,
      memoryMaxBytes,
      keptGrown: (bytes: number) => this.#backlogs.sent(bytes),
    };
    this.#doors = doors.map((make) => make(ways));
    const operations = { readiness: () => options.readiness(), metrics: () => this.metrics };
    this.#server = new GatewayServer(options, {
      entrance: this.#entrance,
      listeners: this.#listeners,
      operations,
      events: this.#connections,
      refusals: this.#refusals,
      notices,
      doors: this.#doors,
    });
  }

  /**
   * Starts to listen and returns where.
   *
   * @throws FatalError if the port is in use, the address is not this machine's, or the certificate cannot be used
   */
  listen(): URL {
    return this.#server.listen();
  }

  /**
   * Reads the certificate again, for clients that come from now on.
   *
   * @throws FatalError if it cannot be used; nothing has changed then
   */
  renewCertificate(): void {
    this.#server.renewCertificate();
  }

  /** Where those listen who run Warren, if not where clients do. */
  get adminUrl(): URL | undefined {
    return this.#server.adminUrl;
  }

  /** Sends what came from the broker to the clients that it is for. */
  deliver(message: Message): void {
    if (message.clientId === undefined) {
      this.relay(message);
      return;
    }
    for (const socket of this.#connections.of(message.clientId)) socket.data.direct(socket, message);
  }

  /** Sends an answer to the client of this manager that asked. */
  answer(message: Message, asker: string): boolean {
    return this.#requests.answer(message, asker);
  }

  /** Sends a message of another manager's client to all clients of its topic. */
  relay(message: Message): void {
    this.#relay.toAll(message, message.id);
  }

  /** Whether a client has a live subscription to it. */
  wants(topic: string): boolean {
    return this.#relay.audiences.route(topic).length > 0;
  }

  /** Whether a client with this id is connected. */
  hasClient(clientId: string): boolean {
    return this.#connections.has(clientId);
  }

  /** Whether the answer with this correlation id is for a client of this manager. */
  hasAsker(asker: string): boolean {
    return this.#requests.isOwn(asker);
  }

  /** Sends a record of the log to durable subscriptions. */
  logged(record: LogRecord): void {
    this.#durables?.logged(record);
  }

  marked(offset: number): void {
    this.#durables?.marked(offset);
  }

  missed(why: Missed): void {
    this.#durables?.missed(why);
  }

  /** The clients that are connected, whatever they speak. None may come or go meanwhile. */
  forEach(visit: (client: Client) => void): void {
    this.#clients.forEach(({ data }) => void visit(data));
  }

  get size(): number {
    return this.#clients.size;
  }

  /** What clients have sent, and what was sent to them: one message to a thousand clients counts a thousand. */
  get traffic(): { readonly messages: number; readonly deliveries: number } {
    return { messages: this.#ingress.takenCount, deliveries: this.#relay.deliveredCount };
  }

  /** Closes the connections of a client, by the id that others know it by; returns how many there were. */
  disconnect(clientId: string): number {
    return this.#connections.remove(clientId);
  }

  /** Topics and patterns that have live subscribers, and how many. */
  topics(): readonly (readonly [topic: string, subscribers: number])[] {
    return this.#relay.audiences.topics();
  }

  /**
   * Takes no new clients, and has those that there are leave evenly over a time, in milliseconds, in which they are served as ever.
   */
  async leave(overMs: number): Promise<void> {
    this.#entrance.close();
    await partEvenly(this.#clients, this.#holds, overMs);
  }

  /** Lets the clients go on that were held back. */
  relieve(): void {
    this.#backpressure.release();
  }

  /** Some of what waited for the broker has gone: lets clients go on that had too much of it. */
  lighten(): void {
    this.#shares.lighten();
  }

  /**
   * No new clients, and nothing is read from those there are; deliveries go on. What was read and waits is obeyed.
   *
   * @returns true when all of it has been, false if that took longer than `timeoutMs`
   */
  async stopReading(timeoutMs: number): Promise<boolean> {
    this.#entrance.close();
    this.#holds.holdForGood(this.#clients);
    this.#limits.liftRate();
    return await this.#turns.settle(timeoutMs);
  }

  /**
   * Closes the clients a few at a time, and stops listening.
   *
   * @param timeoutMs how long that may take, in milliseconds
   */
  async close(timeoutMs?: number): Promise<void> {
    this.#entrance.close();
    this.#backpressure.close();
    this.#durables?.close();
    this.#rooms?.close();
    this.#traffic.isStopping = true;
    for (const door of this.#doors) door.stop();
    await sayFarewell([...this.#clients], timeoutMs);
    await Promise.all(this.#doors.map((door) => door.settle(Math.min(answersMs, timeoutMs ?? answersMs))));
    this.#backlogs.close();
    await this.#server.close();
    this.#visits.close();
  }

  /** All that `/metrics` shows. */
  get metrics(): readonly AnyMetric[] {
    const { auth } = this.#options;
    return [
      ...gatewayMetrics(this.#ingress, this.#relay, this.#holds, () => this.#clients.size),
      ...(this.#durables === undefined ? [] : durableMetrics(this.#durables)),
      ...this.#limits.metrics,
      ...this.#requests.metrics,
      ...this.#options.once.metrics,
      ...this.#backlogs.metrics,
      ...this.#protocols.flatMap(({ metrics }) => metrics),
      ...this.#doors.flatMap(({ metrics }) => metrics),
      this.#refusals.metric,
      ...this.#traffic.metrics,
      ...(auth === undefined ? [] : [auth.refusals.metric]),
      ...this.#options.metrics(),
    ];
  }
}
