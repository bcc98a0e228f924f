import type { BunRequest, Server } from "bun";
import type { Answer, Routes } from "../../ops/http.ts";
import { type AnyMetric, LabelledCounter } from "../../ops/metrics.ts";
import type { Client } from "../clients/client.ts";
import { targetOf } from "../guards/handshake.ts";
import { notAHost } from "../guards/refusals.ts";
import type { Door, DoorSurroundings } from "../protocol/protocol.ts";
import { fault } from "./answers.ts";
import { Asking } from "./asking.ts";
import { Bodies } from "./bodies.ts";
import { type Asked, nameIn } from "./caller.ts";
import { preflightAnswer, readable } from "./cors.ts";
import { Listening } from "./listening.ts";
import { Sending } from "./sending.ts";

/** Bodies that are being read may have at most this part of what may be kept for all clients. */
const partOfMemory = 1 / 4;
/** All statuses by which answers are counted. docs/protocol.md explains each but 499, which no client gets. */
export const statuses = [
  200, 202, 204, 400, 401, 403, 405, 406, 408, 409, 413, 422, 429, 499, 502, 503, 504,
] as const;
const other = "other";
const counted: ReadonlySet<string> = new Set(statuses.map((status) => `${status}`));

type Methods = Readonly<Record<string, (asked: Asked) => Promise<Response>>>;

/** `/topics/…` and `/app/…`: publishing, subscribing and requests for clients without WebSocket. */
export class HttpDoor implements Door {
  readonly #surroundings: DoorSurroundings;
  readonly #bodies: Bodies;
  readonly #sending: Sending;
  readonly #asking: Asking;
  readonly #listening: Listening;
  /** How many requests are not answered yet. */
  #unanswered = 0;
  /** Called whenever the last one is answered. */
  #onSettled: () => void = () => undefined;
  readonly routes: Routes<Client>;
  readonly #answers = new LabelledCounter(
    {
      name: "warren_http_answers_total",
      help: "Answers to requests of clients without WebSocket, by status: 499 is of those that had gone.",
      label: "status",
    },
    [...counted, other],
  );

  constructor(surroundings: DoorSurroundings) {
    this.#surroundings = surroundings;
    this.#bodies = new Bodies({
      ...surroundings,
      keptBytesMax: surroundings.memoryMaxBytes * partOfMemory,
      kept: surroundings.keptGrown,
    });
    this.#sending = new Sending(surroundings, this.#bodies);
    this.#listening = new Listening(surroundings);
    this.#asking = new Asking(surroundings, this.#sending);
    const listen = (asked: Asked) => this.#listening.answer(asked);
    this.routes = {
      "/topics/*": this.#route("/topics/", {
        GET: listen,
        HEAD: listen,
        POST: (asked) => this.#sending.publish(asked),
      }),
      "/app/*": this.#route("/app/", { POST: (asked) => this.#asking.answer(asked) }),
    };
  }

  get keptBytes(): number {
    return this.#bodies.keptBytes;
  }

  get metrics(): readonly AnyMetric[] {
    return [
      this.#answers.metric,
      {
        name: "warren_http_waiting",
        type: "gauge",
        help: "Requests that wait for RabbitMQ's confirm, or for an answer.",
        read: () => this.#sending.waitingCount,
      },
      {
        name: "warren_event_streams_total",
        type: "counter",
        help: "Streams of server-sent events that were begun.",
        read: () => this.#listening.streamCount,
      },
      {
        name: "warren_polls_total",
        type: "counter",
        help: "Long polls.",
        read: () => this.#listening.pollCount,
      },
    ];
  }

  revoke(clientId: string, issuedBeforeMs: number): number {
    return this.#asking.revoke(clientId, issuedBeforeMs);
  }

  stop(): void {
    this.#bodies.close();
    this.#sending.close();
  }

  async settle(timeoutMs: number): Promise<void> {
    if (this.#unanswered > 0) {
      const settled = Promise.withResolvers<void>();
      this.#onSettled = settled.resolve;
      const timer = setTimeout(settled.resolve, timeoutMs);
      await settled.promise;
      clearTimeout(timer);
    }
    // Bun writes the last answers in the next turn.
    await new Promise((resolve) => setImmediate(resolve));
  }

  #route(prefix: string, methods: Methods): Answer<Client> {
    const allowed = [...Object.keys(methods), "OPTIONS"];
    return async (request, server) => {
      this.#unanswered++;
      try {
        const response = await this.#answer(request, server, prefix, methods, allowed);
        const status = `${response.status}`;
        this.#answers.add(counted.has(status) ? status : other);
        return response;
      } finally {
        this.#unanswered--;
        if (this.#unanswered === 0) this.#onSettled();
      }
    };
  }

  async #answer(
    request: BunRequest<string>,
    server: Server<Client>,
    prefix: string,
    methods: Methods,
    allowed: readonly string[],
  ): Promise<Response> {
    const { entrance, origins, refusals } = this.#surroundings;
    const target = targetOf(request);
    if (target === undefined) return refusals.refuse("invalid", notAHost, true);
    if (!origins.mayComeFrom(request, server)) return refusals.refuse("origin", undefined, true);
    const origin = request.headers.get("origin");
    if (request.method === "OPTIONS") return readable(preflightAnswer(request, allowed), origin);
    if (entrance.isClosed) return readable(refusals.refuse("stopping", undefined, true), origin);
    const method = methods[request.method];
    if (method === undefined) {
      const allow = allowed.join(", ");
      return readable(fault(405, `method not allowed: this path takes only ${allow}`, { allow }), origin);
    }
    const { path, query } = target;
    const name = nameIn(path, prefix);
    if (name instanceof Response) return readable(name, origin);
    if (query.fault !== undefined) return readable(fault(400, query.fault), origin);
    return readable(await method({ request, server, query, name }), origin);
  }
}
