import type { Server } from "bun";
import adminPage from "../../../static/admin/admin.html";
import clientPage from "../../../static/index.html";
import { AdminListener, type AdminOptions } from "../../ops/admin.ts";
import {
  type Answer,
  healthRoute,
  type Operations,
  operationRoutes,
  type Routes,
  readOnly,
} from "../../ops/http.ts";
import type { LoopTime } from "../../ops/loop-time.ts";
import type { Notices } from "../../ops/notices.ts";
import { isReading, notAllowed } from "../../ops/reading.ts";
import { RequestTurns } from "../../ops/request-turns.ts";
import type { Auth } from "../auth/auth.ts";
import type { Client } from "../clients/client.ts";
import type { SocketEvents } from "../clients/socket-events.ts";
import { targetOf } from "../guards/handshake.ts";
import { HostGuard } from "../guards/host-guard.ts";
import type { Refusals } from "../guards/refusals.ts";
import { SocketBytes } from "../limits/socket-bytes.ts";
import type { Door } from "../protocol/protocol.ts";
import type { Entrance } from "./entrance.ts";
import type { Listeners, Listening } from "./listeners.ts";
import { Page } from "./page.ts";
import { readCertificate, type TlsOptions } from "./tls.ts";

/** Where a server listens, and its limits. */
export interface ServerOptions extends AdminOptions, TlsOptions {
  /** The address that it listens on. */
  readonly host: string;
  /** The port; 0: any free one. */
  readonly port: number;
  /** Whether other managers on this machine may share it. */
  readonly reusePort?: boolean;
  /** A client that sends a larger message is closed. In bytes. */
  readonly maxMessageBytes: number;
  /** How much a protocol may add around a message's body. In bytes. */
  readonly maxHeaderBytes: number;
  /** How much unread data one connection may have in the system. In bytes; 0: the system's default. */
  readonly clientInputBytes: number;
  /** How long an HTTP connection may be idle. In milliseconds. */
  readonly handshakeTimeoutMs: number;
  /** Names under which it may be asked without tokens and TLS, besides `localhost`. */
  readonly allowHost: readonly string[] | undefined;
  readonly auth: Auth | undefined;
  /** Further routes of the admin port. */
  readonly adminRoutes: Routes<undefined>;
}

/** The parts that handle requests and socket events. */
export interface ServerParts {
  readonly entrance: Entrance;
  /** They start servers with this server's `serve`. */
  readonly listeners: Listeners;
  readonly operations: Operations;
  readonly events: SocketEvents;
  readonly refusals: Refusals;
  readonly notices: Notices;
  /** The ways in without WebSocket. */
  readonly doors: readonly Door[];
  /** Shares out the event loop's time among everything that takes long. */
  readonly loop: LoopTime;
}

/** The glue to Bun.serve: decides which part handles which path and which socket event. */
export class GatewayServer {
  readonly #options: ServerOptions;
  readonly #entrance: Entrance;
  readonly #listeners: Listeners;
  readonly #operations: Operations;
  readonly #events: SocketEvents;
  readonly #doors: readonly Door[];
  readonly #page: Page;
  readonly #sockets = SocketBytes.open();
  readonly #hosts: HostGuard;
  /** Requests take turns by their kind, so many of one kind do not keep others waiting. */
  readonly #turns: Readonly<Record<"entrance" | "health" | "door" | "other" | "long", RequestTurns>>;
  readonly #admin: AdminListener | undefined;

  constructor(
    options: ServerOptions,
    { entrance, listeners, operations, events, refusals, notices, doors, loop }: ServerParts,
  ) {
    const some = () => new RequestTurns(10, loop);
    // Requests of this kind take long each.
    const long = new RequestTurns(1, loop);
    this.#turns = { entrance: some(), health: some(), door: some(), other: some(), long };
    this.#options = options;
    this.#entrance = entrance;
    this.#listeners = listeners;
    this.#operations = operations;
    this.#events = events;
    this.#doors = doors;
    const { adminHost, adminPort, allowHost = [] } = options;
    this.#page = new Page(clientPage, options.auth !== undefined);
    const isSafe = options.auth !== undefined || options.tlsCert !== undefined;
    this.#hosts = new HostGuard(isSafe ? undefined : allowHost, refusals, notices);
    if (adminPort === undefined) return;
    // The admin port has neither tokens nor TLS, even if the clients' port does.
    const guard = new HostGuard(allowHost, refusals, notices);
    const page = new Page(adminPage, true);
    this.#admin = new AdminListener(
      { adminHost, adminPort },
      operations,
      guard,
      options.adminRoutes,
      async (request) => {
        const path = targetOf(request)?.path;
        return path === undefined ? undefined : await page.answer(request, path);
      },
      loop,
    );
  }

  /** The address of the operation routes, if they have a port of their own. */
  get adminUrl(): URL | undefined {
    return this.#admin?.url;
  }

  /** @throws FatalError if a port is in use, an address is not this machine's, or the certificate cannot be used */
  listen(): URL {
    const { host, port, reusePort } = this.#options;
    this.#admin?.open();
    return this.#listeners.open(host, port, readCertificate(this.#options), reusePort);
  }

  /**
   * Returns false if there is no certificate to read.
   *
   * @throws FatalError if the certificate cannot be used; nothing has changed then
   */
  renewCertificate(): boolean {
    const certificate = readCertificate(this.#options);
    if (certificate !== undefined) this.#listeners.renew(certificate);
    return certificate !== undefined;
  }

  async close(): Promise<void> {
    await this.#listeners.close();
    await this.#admin?.close();
  }

  /** Listens for clients, with one certificate. */
  serve({ tls, ...where }: Listening): Server<Client> {
    const { handshakeTimeoutMs, clientInputBytes } = this.#options;
    const events = this.#events;
    const server = Bun.serve<Client>({
      ...where,
      ...(tls === undefined ? {} : { tls }),
      development: false,
      // This is HTTP's timeout, in seconds. A connection's first request has to be complete after 10 seconds in any case.
      idleTimeout: Math.ceil(handshakeTimeoutMs / 1000),
      routes: this.#routes as Record<string, never>,
      fetch: (request) => this.#turns.other.answer(request, () => this.#other(request)),
      websocket: {
        maxPayloadLength: messageMaxOf(this.#options),
        // None: beyond it Bun drops what is sent. limits/backlogs.ts sees what waits.
        backpressureLimit: 0,
        // limits/liveness.ts sees who is still there.
        idleTimeout: 0,
        sendPings: false,
        perMessageDeflate: false,
        publishToSelf: false,
        open: (socket) => events.opened(socket),
        message: (socket, body) => events.message(socket, body),
        drain: (socket) => events.drained(socket),
        pong: (socket, data) => events.ponged(socket, data),
        ping: (socket, data) => events.pinged(socket, data),
        close: (socket, code) => events.closed(socket, code),
      },
    });
    this.#sockets?.prepare(server.port!, clientInputBytes);
    return server;
  }

  get #routes(): Routes<Client> {
    const turns = this.#turns;
    const enter: Answer<Client> = (request, server) =>
      this.#entrance.enter(request, server, request.params["id"]);
    const entrances: Routes<Client> = {
      "/ws": enter,
      "/ws/": enter,
      "/ws/:id": enter,
    };
    return {
      ...readOnly<Client>({
        ...turns.entrance.guard(this.#hosts.guard(entrances)),
        ...(this.#admin === undefined
          ? {
              ...turns.health.guard(healthRoute<Client>()),
              ...turns.long.guard(this.#hosts.guard(operationRoutes<Client>(this.#operations))),
            }
          : {}),
      }),
      ...Object.assign({}, ...this.#doors.map(({ routes }) => turns.door.guard(this.#hosts.guard(routes)))),
    };
  }

  async #other(request: Request): Promise<Response> {
    const refusal = this.#hosts.refusalOf(request);
    if (refusal !== undefined) return refusal;
    const path = targetOf(request)?.path;
    const answer = path === undefined ? undefined : await this.#page.answer(request, path);
    if (answer !== undefined) return isReading(request) ? answer : notAllowed();
    return new Response("Not found. Clients connect to /ws, people open /.\n", { status: 404 });
  }
}

/** What may be in a WebSocket message: a body, which protocols measure themselves, with room for a frame's headers. In bytes. */
export function messageMaxOf({
  maxMessageBytes,
  maxHeaderBytes,
}: Pick<ServerOptions, "maxMessageBytes" | "maxHeaderBytes">): number {
  return maxMessageBytes + maxHeaderBytes;
}
