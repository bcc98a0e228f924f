import type { BunRequest, Server } from "bun";
import page from "../../static/index.html";
import { codeOf, FatalError, reasonOf } from "../errors.ts";
import { type Body, isName, type OutgoingMessage } from "../message.ts";
import type { Readiness } from "../ops/health.ts";
import { exposition, type Metric, metricsContentType } from "../ops/metrics.ts";
import { Backpressure } from "./backpressure.ts";
import type { Client, ClientSocket } from "./client.ts";
import { closeCodes } from "./close-codes.ts";
import { Directory } from "./directory.ts";
import { Topics } from "./topics.ts";

/** How many clients are closed at a time when stopping, and how long apart, so that they do not all return at once. */
const closingBatch = 500;
const closingPauseMs = 20;

export interface GatewayOptions {
  readonly host: string;
  readonly port: number;
  /** A larger message closes its sender with 1009. In bytes. */
  readonly maxMessageBytes: number;
  /** A client for which more than this waits is disconnected. In bytes. */
  readonly clientBufferBytes: number;
  /** What `/readyz` answers. */
  readiness(): Readiness;
  /** What `/metrics` shows besides the gateway's own. */
  readonly metrics: readonly Metric[];
  /** Hears of every message after it was relayed to the other clients. False: hold this client back. */
  onMessage(body: Body, client: Client): boolean;
}

/**
 * The WebSocket side: clients, topics, and the relay among them.
 *
 * The hot path is `message`: Bun's native publish to the sender's neighbours, then the hand-over to the outbox. It
 * awaits nothing, copies nothing and looks nothing up.
 */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #topics = new Topics();
  readonly #directory = new Directory<ClientSocket>();
  readonly #clients = new Set<ClientSocket>();
  readonly #backpressure = new Backpressure();
  #server: Server<Client> | undefined;
  #isStopping = false;
  #receivedCount = 0;
  #deliveredCount = 0;

  constructor(options: GatewayOptions) {
    this.#options = options;
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
            new Response(exposition([...this.#metrics(), ...this.#options.metrics]), {
              headers: { "content-type": metricsContentType },
            }),
        },
        fetch: () => new Response("Not found. Clients connect to /ws, people open /.\n", { status: 404 }),
        websocket: {
          maxPayloadLength: maxMessageBytes,
          backpressureLimit: clientBufferBytes,
          closeOnBackpressureLimit: true,
          // A client that answers no ping is gone within this time, in seconds.
          idleTimeout: 60,
          sendPings: true,
          perMessageDeflate: false,
          publishToSelf: false,
          open: (socket) => this.#open(socket),
          message: (socket, body) => this.#message(socket, body),
          close: (socket) => this.#close(socket),
        },
      });
    } catch (error) {
      throw listenFault(error, host, port);
    }
    return this.#server.url;
  }

  /** Sends what came from the broker to the clients that it is for. */
  deliver({ clientId, topic: name, body }: Pick<OutgoingMessage, "clientId" | "topic" | "body">): void {
    if (clientId !== undefined) {
      for (const socket of this.#directory.find(clientId)) {
        socket.send(body);
        this.#deliveredCount++;
      }
      return;
    }
    this.relay(name, body);
  }

  /** Sends a message of another manager's client to all clients of its topic. */
  relay(name: string, body: Body): void {
    const topic = this.#topics.find(name);
    if (topic === undefined) return;
    this.#server?.publish(topic.key, body, false);
    this.#deliveredCount += topic.clientCount;
  }

  /** Lets the clients go on that were held back. */
  relieve(): void {
    this.#backpressure.release();
  }

  /** No new clients, and nothing is read from those there are; deliveries go on. */
  stopReading(): void {
    this.#isStopping = true;
    for (const socket of this.#clients) socket.pause();
  }

  /** Closes the clients a few at a time, and stops listening. */
  async close(): Promise<void> {
    this.#isStopping = true;
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
    if (this.#isStopping) return refusal(503, "this manager is stopping: connect again");
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
      return refusal(426, "this is a WebSocket endpoint: connect with ws://", { upgrade: "websocket" });
    }
    if (request.headers.has("sec-websocket-protocol")) {
      return refusal(
        400,
        "this subprotocol is not supported: connect without one to send and receive plain text",
      );
    }
    if (id === "" || !isName(id)) {
      return refusal(400, "a client id has 1 to 255 bytes and no control characters");
    }
    const topicName = new URL(request.url).searchParams.get("topic") ?? "";
    if (!isName(topicName)) return refusal(400, "a topic has at most 255 bytes and no control characters");
    if (/(^|\.)[*#](\.|$)/.test(topicName)) {
      return refusal(400, "a plain-text client is on one topic, which is no pattern: leave out * and #");
    }
    const topic = this.#topics.join(topicName);
    if (server.upgrade(request, { data: { id, topic } })) return undefined;
    this.#topics.leave(topic);
    return refusal(400, "not a valid WebSocket handshake (RFC 6455, section 4.2.1)");
  }

  #open(socket: ClientSocket): void {
    const { id, topic } = socket.data;
    socket.subscribe(topic.key);
    this.#clients.add(socket);
    this.#directory.add(id, socket);
  }

  #message(socket: ClientSocket, body: Body): void {
    const client = socket.data;
    socket.publish(client.topic.key, body);
    this.#receivedCount++;
    this.#deliveredCount += client.topic.clientCount - 1;
    if (!this.#options.onMessage(body, client)) this.#backpressure.hold(socket);
  }

  #close(socket: ClientSocket): void {
    this.#clients.delete(socket);
    this.#directory.remove(socket.data.id, socket);
    this.#topics.leave(socket.data.topic);
    this.#backpressure.forget(socket);
  }

  #readyz(): Response {
    const readiness = this.#options.readiness();
    return Response.json(readiness, { status: readiness.ready ? 200 : 503 });
  }

  #metrics(): readonly Metric[] {
    return [
      { name: "warren_clients", type: "gauge", help: "Connected clients.", read: () => this.#clients.size },
      {
        name: "warren_topics",
        type: "gauge",
        help: "Topics that have clients.",
        read: () => this.#topics.count,
      },
      {
        name: "warren_clients_held_back",
        type: "gauge",
        help: "Clients that are not read from because the outbox is full.",
        read: () => this.#backpressure.heldCount,
      },
      {
        name: "warren_messages_received_total",
        type: "counter",
        help: "Messages that clients sent.",
        read: () => this.#receivedCount,
      },
      {
        name: "warren_deliveries_total",
        type: "counter",
        help: "Messages sent to clients: one message to a thousand clients counts a thousand.",
        read: () => this.#deliveredCount,
      },
    ];
  }
}

function refusal(status: number, why: string, headers: Record<string, string> = {}): Response {
  return new Response(`${why}\n`, { status, headers });
}

function listenFault(error: unknown, host: string, port: number): Error {
  const code = codeOf(error);
  if (code === "EADDRINUSE") {
    return new FatalError(
      `port ${port} on ${host} is in use: stop what uses it, or choose another with --port (0 picks a free one)`,
    );
  }
  if (code === "EACCES")
    return new FatalError(`not allowed to listen on port ${port}: choose one above 1023 with --port`);
  return new FatalError(`cannot listen on ${host}:${port}: ${reasonOf(error)}; correct --host and --port`);
}
