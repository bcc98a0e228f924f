import type { Server } from "bun";
import type { Missed } from "../broker/broker.ts";
import { MultiMap } from "../collections/multi-map.ts";
import type { FeedSink } from "../log/feed.ts";
import type { LogRecord } from "../log/record.ts";
import type { Message } from "../message.ts";
import { AdminListener, type AdminOptions } from "../ops/admin.ts";
import type { Readiness } from "../ops/http.ts";
import {
  type Answer,
  healthRoute,
  isReading,
  notAllowed,
  type Operations,
  operationRoutes,
  type Routes,
  readOnly,
} from "../ops/http.ts";
import type { Logger } from "../ops/logger.ts";
import type { AnyMetric } from "../ops/metrics.ts";
import { Notices } from "../ops/notices.ts";
import type { Announcements } from "./clients/announcements.ts";
import { Backpressure } from "./clients/backpressure.ts";
import type { Client, ClientSocket } from "./clients/client.ts";
import { sayFarewell } from "./clients/farewell.ts";
import { Holds } from "./clients/holds.ts";
import { Roster } from "./clients/roster.ts";
import { Shares } from "./clients/shares.ts";
import { TimerWheel } from "./clients/timer-wheel.ts";
import { Traffic } from "./clients/traffic.ts";
import { Turns } from "./clients/turns.ts";
import { Visits } from "./clients/visits.ts";
import { durableMetrics } from "./durable/durable-metrics.ts";
import { Durables } from "./durable/durables.ts";
import type { SharedLog } from "./durable/shared-log.ts";
import { defaultRetryBackoff } from "./durable/sweeps.ts";
import { Relay } from "./fan-out/relay.ts";
import { gatewayMetrics } from "./gateway-metrics.ts";
import { Backlogs, roomFor } from "./limits/backlogs.ts";
import { type LimitOptions, Limits } from "./limits/limits.ts";
import { memoryLimit } from "./limits/memory-limit.ts";
import type { Protocol, Uplink } from "./protocol.ts";
import { Requests } from "./requests/requests.ts";
import { Entrance, type EntranceOptions } from "./server/entrance.ts";
import { urlOf } from "./server/handshake.ts";
import { HostGuard } from "./server/host-guard.ts";
import { Listeners, type Listening } from "./server/listeners.ts";
import { Page } from "./server/page.ts";
import { Refusals } from "./server/refusals.ts";
import { readCertificate, type TlsOptions } from "./server/tls.ts";
import { StompProtocol } from "./stomp/stomp.ts";
import { TextProtocol } from "./text/text.ts";

export interface GatewayOptions extends AdminOptions, EntranceOptions, LimitOptions, TlsOptions {
  readonly host: string;
  readonly port: number;
  /** A client that sends a larger message is closed. In bytes. */
  readonly maxMessageBytes: number;
  /** A client for which more than this waits is disconnected. In bytes. */
  readonly clientBufferBytes: number;
  /** Headers that a STOMP frame may have. */
  readonly maxHeaders: number;
  /** How long the command and headers of a STOMP frame may be. In bytes. */
  readonly maxHeaderBytes: number;
  /** STOMP subscriptions that a client may have. */
  readonly maxSubscriptions: number;
  /** What a STOMP client's open transactions may hold together. In bytes. */
  readonly maxTransactionBytes: number;
  /** How long a STOMP client may take to send CONNECT, and how long an HTTP connection may be idle. In milliseconds. */
  readonly handshakeTimeoutMs: number;
  /** How long the rest of a STOMP frame may take that has begun. In milliseconds. */
  readonly messageTimeoutMs: number;
  /** What may be kept for all clients together, in bytes. Undefined: a quarter of the memory there is. */
  readonly clientsMemoryBytes: number | undefined;
  /** Names under which it may be asked without tokens and TLS, besides `localhost`. */
  readonly allowHost: readonly string[] | undefined;
  readonly logger: Logger;
  /** What `/readyz` answers. */
  readiness(): Readiness;
  /** What `/metrics` shows besides the gateway's own. */
  metrics(): readonly AnyMetric[];
  readonly uplink: Uplink;
  readonly announcements: Announcements;
  /** What durable subscriptions read from; undefined if there is no log. */
  readonly sharedLog: SharedLog | undefined;
  /** How much of the log is kept in memory for them. In bytes. */
  readonly logMemoryBytes: number;
}

/**
 * The WebSocket side: who is connected, by which protocol, and the way to and from them. What clients say is the protocols'
 * to understand (`text/`, `stomp/`), and `relay.ts` takes it to its topic's clients.
 */
export class Gateway implements FeedSink {
  readonly #options: GatewayOptions;
  readonly #entrance: Entrance;
  readonly #protocols: readonly Protocol[];
  readonly #relay = new Relay();
  readonly #directory = new MultiMap<ClientSocket>();
  readonly #clients = new Roster();
  readonly #holds = new Holds();
  readonly #turns = new Turns(this.#holds, (socket) => this.#left(socket));
  readonly #refusals: Refusals;
  readonly #traffic = new Traffic(() => this.#relay.publishedBytes);
  readonly #visits: Visits;
  readonly #page = new Page();
  readonly #hosts: HostGuard;
  readonly #admin: AdminListener | undefined;
  readonly #durables: Durables | undefined;
  readonly #backpressure: Backpressure;
  readonly #shares: Shares;
  readonly #limits: Limits;
  readonly #requests: Requests;
  readonly #backlogs: Backlogs;
  readonly #listeners = new Listeners(
    (listening) => this.#serve(listening),
    (bytes) => this.#backlogs.sent(bytes),
  );

  constructor(options: GatewayOptions) {
    this.#options = options;
    const { sharedLog, logMemoryBytes, adminHost, adminPort, allowHost = [] } = options;
    const isSafe = options.auth !== undefined || options.tlsCert !== undefined;
    const notices = new Notices(options.logger);
    this.#visits = new Visits(options.logger, this.#traffic);
    this.#refusals = new Refusals(options.logger);
    this.#hosts = new HostGuard(isSafe ? undefined : allowHost, this.#refusals, notices);
    if (adminPort !== undefined) {
      // It has neither, whatever the clients' port has.
      const guard = new HostGuard(allowHost, this.#refusals, notices);
      this.#admin = new AdminListener({ adminHost, adminPort }, this.#operations, guard);
    }
    const { clientBufferBytes } = options;
    const wheel = new TimerWheel();
    this.#requests = new Requests(wheel);
    const largestBytes = Math.max(options.maxMessageBytes, sharedLog?.recordBytesMax ?? clientBufferBytes);
    this.#backlogs = new Backlogs(
      { clientBufferBytes, largestBytes, memoryMaxBytes: options.clientsMemoryBytes ?? memoryLimit() / 4 },
      wheel,
      this.#holds,
      this.#clients,
    );
    const sent = (bytes: number) => {
      this.#traffic.sentBytes += bytes;
      this.#backlogs.sent(bytes);
    };
    const outlet = { room: roomFor(clientBufferBytes), sent };
    this.#durables =
      sharedLog && new Durables(sharedLog, this.#relay, logMemoryBytes, defaultRetryBackoff, outlet);
    const { uplink } = options;
    this.#backpressure = new Backpressure(this.#holds, this.#clients, () => uplink.freeBytes <= 0);
    this.#shares = new Shares(this.#holds, uplink, this.#backpressure);
    this.#limits = new Limits(options, wheel, this.#holds, this.#clients);
    const surroundings = {
      ...options,
      relay: this.#relay,
      holds: this.#holds,
      listeners: this.#listeners,
      shares: this.#shares,
      durables: this.#durables,
      wheel,
      sent,
      turns: this.#turns,
      requests: this.#requests,
      count: (socket: ClientSocket, messages: number, bytes: number) =>
        this.#limits.count(socket, messages, bytes),
      identified: (socket: ClientSocket) => this.#identified(socket),
    };
    const stomp = new StompProtocol(surroundings);
    this.#protocols = [new TextProtocol(surroundings, stomp), stomp];
    this.#entrance = new Entrance(options, this.#protocols, this.#refusals, this.#limits, notices);
  }

  /**
   * Starts to listen and returns where.
   *
   * @throws FatalError if the port is in use, the address is not this machine's, or the certificate cannot be used
   */
  listen(): URL {
    const { host, port } = this.#options;
    this.#admin?.open();
    const url = this.#listeners.open(host, port, readCertificate(this.#options));
    this.#relay.serveBy(this.#listeners);
    return url;
  }

  /**
   * Reads the certificate again, for clients that come from now on.
   *
   * @throws FatalError if it cannot be used; nothing has changed then
   */
  renewCertificate(): void {
    const certificate = readCertificate(this.#options);
    if (certificate !== undefined) this.#listeners.renew(certificate);
  }

  /** Where those listen who run Warren, if not where clients do. */
  get adminUrl(): URL | undefined {
    return this.#admin?.url;
  }

  /** Sends what came from the broker to the clients that it is for. */
  deliver(message: Message): void {
    if (message.clientId === undefined) {
      this.relay(message);
      return;
    }
    for (const socket of this.#directory.find(message.clientId)) socket.data.direct(socket, message);
  }

  /** Sends an answer to the client of this manager that asked. */
  answer(message: Message, asker: string): boolean {
    return this.#requests.answer(message, asker);
  }

  /** Sends a message of another manager's client to all clients of its topic. */
  relay(message: Message): void {
    this.#relay.toAll(message, message.id);
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
    this.#clients.forEach((socket) => {
      visit(socket.data);
    });
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
    this.#traffic.isStopping = true;
    await sayFarewell([...this.#clients], timeoutMs);
    this.#backlogs.close();
    await this.#listeners.close();
    await this.#admin?.close();
    this.#visits.close();
  }

  #serve({ tls, ...where }: Listening): Server<Client> {
    const { maxMessageBytes, maxHeaderBytes, handshakeTimeoutMs } = this.#options;
    return Bun.serve<Client>({
      ...where,
      ...(tls === undefined ? {} : { tls }),
      development: false,
      // Of HTTP, in seconds. A connection's first request has to be complete after 10 seconds in any case.
      idleTimeout: Math.ceil(handshakeTimeoutMs / 1000),
      routes: this.#routes as Record<string, never>,
      fetch: (request) => this.#other(request),
      websocket: {
        // Room for a STOMP frame's headers: protocols measure the bodies themselves.
        maxPayloadLength: maxMessageBytes + maxHeaderBytes,
        // None: beyond it Bun drops what is sent. limits/backlogs.ts sees what waits.
        backpressureLimit: 0,
        // limits/presence.ts sees who is still there.
        idleTimeout: 0,
        sendPings: false,
        perMessageDeflate: false,
        publishToSelf: false,
        open: (socket) => this.#open(socket),
        message: (socket, body) => {
          this.#traffic.receivedBytes += body.length;
          const { seat } = socket.data;
          if (seat.isClosing || this.#backpressure.refuses(socket) || this.#limits.refuses(socket)) return;
          this.#limits.heard(socket);
          socket.data.message(socket, body);
        },
        drain: (socket) => {
          this.#limits.heard(socket);
          socket.data.drained();
        },
        pong: (socket, data) => {
          this.#limits.ponged(socket, data);
          this.#breathe(socket);
        },
        // Bun answers it.
        ping: (socket, data) => {
          this.#backlogs.sent(data.length);
          this.#limits.pinged(socket, data);
          this.#breathe(socket);
        },
        close: (socket, code) => this.#close(socket, code),
      },
    });
  }

  /** Bun reads on for as long as there is something, unless the client is paused: so it is when its time in this turn is over. */
  #breathe(socket: ClientSocket): void {
    if (!this.#turns.mayGoOn(socket)) this.#turns.wait(socket);
  }

  #open(socket: ClientSocket): void {
    socket.data.opened(socket);
    this.#clients.add(socket);
    this.#visits.opened(socket);
    this.#limits.opened();
    this.#identified(socket);
  }

  /** From now on it gets what is addressed to it, unless it has gone already. */
  #identified(socket: ClientSocket): void {
    if (socket.data.id === undefined || !this.#clients.has(socket)) return;
    this.#directory.add(socket.data.id, socket);
    this.#limits.identified(socket.data.seat);
  }

  #close(socket: ClientSocket, code: number): void {
    this.#visits.closed(socket, code);
    this.#clients.delete(socket);
    this.#options.announcements.disconnected(socket.data, `${code}`);
    if (socket.data.id !== undefined) this.#directory.remove(socket.data.id, socket);
    socket.data.closed();
    this.#backlogs.forget(socket);
    if (!this.#turns.left(socket)) this.#left(socket);
  }

  /** The client has gone, and nothing that was read from it waits any more. */
  #left(socket: ClientSocket): void {
    socket.data.left();
    this.#holds.forget(socket);
    this.#limits.closed(socket);
  }

  get #routes(): Routes<Client> {
    const enter: Answer<Client> = (request, server) =>
      this.#entrance.enter(request, server, request.params["id"]);
    const entrances: Routes<Client> = {
      "/ws": enter,
      "/ws/": enter,
      "/ws/:id": enter,
    };
    return readOnly<Client>({
      ...this.#hosts.guard(entrances),
      ...(this.#admin === undefined
        ? { ...healthRoute(), ...this.#hosts.guard(operationRoutes<Client>(this.#operations)) }
        : {}),
    });
  }

  async #other(request: Request): Promise<Response> {
    const refusal = this.#hosts.refusalOf(request);
    if (refusal !== undefined) return refusal;
    const path = urlOf(request)?.pathname;
    const answer = path === undefined ? undefined : await this.#page.answer(request, path);
    if (answer !== undefined) return isReading(request) ? answer : notAllowed();
    return new Response("Not found. Clients connect to /ws, people open /.\n", { status: 404 });
  }

  get #operations(): Operations {
    return {
      readiness: () => this.#options.readiness(),
      metrics: () => this.metrics,
    };
  }

  /** All that `/metrics` shows. */
  get metrics(): readonly AnyMetric[] {
    const { auth } = this.#options;
    return [
      ...gatewayMetrics(this.#relay, this.#holds, () => this.#clients.size),
      ...(this.#durables === undefined ? [] : durableMetrics(this.#durables)),
      ...this.#limits.metrics,
      ...this.#requests.metrics,
      ...this.#backlogs.metrics,
      ...this.#protocols.flatMap(({ metrics }) => metrics),
      this.#refusals.metric,
      ...this.#traffic.metrics,
      ...(auth === undefined ? [] : [auth.refusals.metric]),
      ...this.#options.metrics(),
    ];
  }
}
