import type { BunRequest, Server } from "bun";
import page from "../../static/index.html";
import type { FeedSink } from "../broker/feed.ts";
import type { LogRecord } from "../log/record.ts";
import { isName, type Message } from "../message.ts";
import type { Readiness } from "../ops/health.ts";
import { type AnyMetric, exposition, metricsContentType } from "../ops/metrics.ts";
import { Backpressure } from "./backpressure.ts";
import type { Client, ClientSocket } from "./client.ts";
import { closeCodes } from "./close-codes.ts";
import { Directory } from "./directory.ts";
import { gatewayMetrics } from "./gateway-metrics.ts";
import { asksForUpgrade, urlOf } from "./handshake.ts";
import { Holds } from "./holds.ts";
import { listenFault } from "./listen-fault.ts";
import { isAllowedOrigin } from "./origin.ts";
import type { Protocol, Uplink } from "./protocol.ts";
import { Refusals } from "./refusals.ts";
import { Relay } from "./relay.ts";
import { durableMetrics } from "./stomp/durable/durable-metrics.ts";
import { Durables, type SharedLog } from "./stomp/durable/durables.ts";
import { frameLimits } from "./stomp/frames.ts";
import { StompProtocol } from "./stomp/stomp.ts";
import { TextProtocol } from "./text.ts";

/** How many clients are closed at a time when stopping, and how long apart, so that they do not all return at once. */
const closingBatch = 500;
const closingPauseMs = 20;

export interface GatewayOptions {
  readonly host: string;
  readonly port: number;
  /** Origins whose pages may connect besides the manager's own. */
  readonly allowOrigin: readonly string[] | undefined;
  /** A client that sends a larger message is closed. In bytes. */
  readonly maxMessageBytes: number;
  /** A client for which more than this waits is disconnected. In bytes. */
  readonly clientBufferBytes: number;
  /** STOMP subscriptions that a client may have. */
  readonly maxSubscriptions: number;
  /** What a STOMP client's open transactions may hold together. In bytes. */
  readonly maxTransactionBytes: number;
  /** What `/readyz` answers. */
  readiness(): Readiness;
  /** What `/metrics` shows besides the gateway's own. */
  readonly metrics: readonly AnyMetric[];
  readonly uplink: Uplink;
  /** What durable subscriptions read from; undefined if there is no log. */
  readonly sharedLog: SharedLog | undefined;
  /** How much of the log is kept in memory for them. In bytes. */
  readonly logMemoryBytes: number;
}

/**
 * The WebSocket side: who is connected, by which protocol, and the way to and from them. What clients say is the protocols'
 * to understand (`text.ts`, `stomp/`), and `relay.ts` takes it to its topic's clients.
 */
export class Gateway implements FeedSink {
  readonly #options: GatewayOptions;
  readonly #protocols: readonly Protocol[];
  readonly #relay = new Relay();
  readonly #directory = new Directory<ClientSocket>();
  readonly #clients = new Set<ClientSocket>();
  readonly #holds = new Holds();
  readonly #refusals = new Refusals();
  readonly #durables: Durables | undefined;
  readonly #backpressure: Backpressure;
  #server: Server<Client> | undefined;
  #isStopping = false;

  constructor(options: GatewayOptions) {
    this.#options = options;
    const { sharedLog, logMemoryBytes } = options;
    this.#durables = sharedLog && new Durables(sharedLog, this.#relay, logMemoryBytes);
    this.#backpressure = new Backpressure(this.#holds, this.#clients, () => options.uplink.isFull);
    const surroundings = {
      ...options,
      relay: this.#relay,
      holds: this.#holds,
      backpressure: this.#backpressure,
      durables: this.#durables,
    };
    this.#protocols = [new TextProtocol(surroundings), new StompProtocol(surroundings)];
  }

  /**
   * Starts to listen and returns where.
   *
   * @throws FatalError if the port is in use or the address is not this machine's
   */
  listen(): URL {
    const { host, port, maxMessageBytes, clientBufferBytes } = this.#options;
    try {
      this.#server = Bun.serve<Client>({
        hostname: host,
        port,
        development: false,
        // Bun's default outside of development is true, and a second manager would silently share the port.
        reusePort: false,
        routes: {
          "/": page,
          "/ws": (request: Request, server: Server<Client>) =>
            this.#upgrade(request, server, crypto.randomUUID()),
          "/ws/": (request: Request, server: Server<Client>) =>
            this.#upgrade(request, server, crypto.randomUUID()),
          "/ws/:id": (request: BunRequest<"/ws/:id">, server: Server<Client>) =>
            this.#upgrade(request, server, request.params.id),
          "/healthz": () => Response.json({ alive: true }),
          "/readyz": () => this.#readyz(),
          "/metrics": () =>
            new Response(exposition([...this.#metrics, ...this.#options.metrics]), {
              headers: { "content-type": metricsContentType },
            }),
        },
        fetch: () => new Response("Not found. Clients connect to /ws, people open /.\n", { status: 404 }),
        websocket: {
          // Room for a STOMP frame's headers: protocols measure the bodies themselves.
          maxPayloadLength: maxMessageBytes + frameLimits.headBytesMax,
          backpressureLimit: clientBufferBytes,
          closeOnBackpressureLimit: true,
          // A client that answers no ping is gone within this time, in seconds.
          idleTimeout: 60,
          sendPings: true,
          perMessageDeflate: false,
          publishToSelf: false,
          open: (socket) => this.#open(socket),
          message: (socket, body) => {
            if (!this.#backpressure.refuses(socket)) socket.data.message(socket, body);
          },
          drain: (socket) => socket.data.drained(),
          close: (socket) => this.#close(socket),
        },
      });
    } catch (error) {
      throw listenFault(error, host, port);
    }
    this.#relay.serveBy(this.#server);
    return this.#server.url;
  }

  /** Sends what came from the broker to the clients that it is for. */
  deliver(message: Message): void {
    if (message.clientId === undefined) {
      this.relay(message);
      return;
    }
    for (const socket of this.#directory.find(message.clientId)) socket.data.direct(socket, message);
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

  missed(): void {
    this.#durables?.missed();
  }

  /** Lets the clients go on that were held back. */
  relieve(): void {
    this.#backpressure.release();
  }

  /** No new clients, and nothing is read from those there are; deliveries go on. */
  stopReading(): void {
    this.#isStopping = true;
    this.#holds.holdForGood(this.#clients);
  }

  /** Closes the clients a few at a time, and stops listening. */
  async close(): Promise<void> {
    this.#isStopping = true;
    this.#durables?.close();
    const { code, reason } = closeCodes.goingAway;
    for (const [index, socket] of [...this.#clients].entries()) {
      if (index > 0 && index % closingBatch === 0) await Bun.sleep(closingPauseMs);
      // A paused socket would not see the client's answer to the close.
      socket.resume();
      socket.close(code, reason);
    }
    await this.#server?.stop(true);
  }

  #upgrade(request: Request, server: Server<Client>, id: string): Response | undefined {
    if (this.#isStopping) return this.#refusals.refuse("stopping");
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
      return this.#refusals.refuse("notWebSocket");
    }
    const url = urlOf(request);
    if (url === undefined) return this.#refusals.refuse("invalid", "the header Host has to name one host");
    const { headers: asked } = request;
    if (!isAllowedOrigin(asked.get("origin"), asked.get("host"), this.#options.allowOrigin ?? [])) {
      return this.#refusals.refuse("origin");
    }
    const chosen = choose(this.#protocols, request.headers.get("sec-websocket-protocol"));
    if (chosen === undefined) {
      return this.#refusals.refuse(
        "invalid",
        "this subprotocol is not supported: connect with v12.stomp, or without one to send and receive plain text",
      );
    }
    if (id === "" || !isName(id)) {
      return this.#refusals.refuse("invalid", "a client id has 1 to 255 bytes and no control characters");
    }
    const client = chosen.protocol.admit(id, url);
    if (typeof client === "string") return this.#refusals.refuse("invalid", client);
    const headers = chosen.name === undefined ? {} : { "sec-websocket-protocol": chosen.name };
    if (asksForUpgrade(request) && server.upgrade(request, { data: client, headers })) return undefined;
    client.closed();
    return this.#refusals.refuse("invalid");
  }

  #open(socket: ClientSocket): void {
    socket.data.opened(socket);
    this.#clients.add(socket);
    this.#directory.add(socket.data.id, socket);
  }

  #close(socket: ClientSocket): void {
    this.#clients.delete(socket);
    this.#directory.remove(socket.data.id, socket);
    socket.data.closed();
    this.#holds.forget(socket);
  }

  #readyz(): Response {
    const readiness = this.#options.readiness();
    return Response.json(readiness, { status: readiness.ready ? 200 : 503 });
  }

  get #metrics(): readonly AnyMetric[] {
    return [
      ...gatewayMetrics(this.#relay, this.#holds, () => this.#clients.size),
      ...(this.#durables === undefined ? [] : durableMetrics(this.#durables)),
      this.#refusals.metric,
    ];
  }
}

/** The protocol for what a client offers in Sec-WebSocket-Protocol, and the name to answer; undefined if there is none. */
function choose(protocols: readonly Protocol[], offered: string | null) {
  const names = offered?.split(",").map((name) => name.trim());
  for (const protocol of protocols) {
    if (names === undefined && protocol.subprotocols.length === 0) return { protocol, name: undefined };
    const name = protocol.subprotocols.find((each) => names?.includes(each));
    if (name !== undefined) return { protocol, name };
  }
  return undefined;
}
