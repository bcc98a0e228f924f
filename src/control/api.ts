import { createHash, timingSafeEqual } from "node:crypto";
import { timeIn } from "../duration.ts";
import { faultInKey } from "../envelope/once-id.ts";
import type { Waiter } from "../envelope/waiter.ts";
import { isName, type OutgoingMessage } from "../message.ts";
import type { Answer, Routes } from "../ops/http.ts";
import type { Level } from "../ops/logger.ts";
import { levels } from "../ops/logger.ts";
import { bodyIn } from "../properties.ts";
import { isPattern } from "../topics/pattern.ts";
import { type Command, pageMax } from "./command.ts";
import type { DeadLetters } from "./dead-letters.ts";
import { type DeskAnswer, page, type SeenClient } from "./desk.ts";
import { LetterRoutes } from "./letter-routes.ts";
import { openApi } from "./open-api.ts";
import { bad } from "./refusal.ts";
import { revokedMsDefault, revokedMsMax } from "./revocations.ts";

/** What the API does for those who run Warren. */
export interface ControlOptions {
  /** Reads the token that a request has to bring. @throws FatalError if it cannot be read */
  token(): string;
  /** Asks all managers, this one too. */
  askAll(
    command: Command,
  ): Promise<{ readonly answers: readonly DeskAnswer[]; readonly missing: readonly string[] }>;
  /**
   * Hands a message to the broker, for clients. One with the key of an earlier one is not published again (`once.ts`).
   *
   * @param key undefined: there may be others like it
   */
  publish(
    message: OutgoingMessage,
    waiter: Waiter,
    key: string | undefined,
  ): "new" | "repeated" | "reused" | "too many";
  /** Refuses the tokens of a client that were issued before now, for a time in milliseconds. @returns why that cannot be */
  revoke(client: string, forMs: number): Promise<string | undefined>;
  /** Why the broker could not carry it; undefined if it could. */
  unfitnessOf(message: OutgoingMessage): { readonly why: string } | undefined;
  /** Has this manager's clients leave over a time, in milliseconds, and then stops it. */
  drain(overMs: number): void;
  /** The level of this process's logger. */
  level(): LogLevel;
  /** Undefined where the broker keeps none. */
  deadLetters(): DeadLetters | undefined;
  /** A larger body is refused. In bytes. */
  readonly maxMessageBytes: number;
  /** A request without the right token. */
  onRefused(): void;
}

/** How long RabbitMQ may take to confirm, in milliseconds. */
const confirmMsMax = 30_000;
const drainMsMax = 3_600_000;
/** What a client is searched by, in characters. */
const searchMax = 255;

export interface LogLevel {
  readonly level: Level;
  changeLevel(level: Level): void;
}

type Handler = (request: Request, params: Record<string, string>) => Response | Promise<Response>;

/** `/api/…` on the admin listener: JSON, for every manager at once whichever is asked. */
export class ControlApi {
  readonly #options: ControlOptions;

  constructor(options: ControlOptions) {
    this.#options = options;
  }

  get routes(): Routes<undefined> {
    const letters = new LetterRoutes(() => this.#options.deadLetters());
    return {
      "/api/openapi.json": this.#answer({ GET: () => Response.json(openApi) }),
      "/api/managers": this.#answer({ GET: () => this.#managers() }),
      "/api/topics": this.#answer({ GET: () => this.#topics() }),
      "/api/clients": this.#answer({ GET: ({ url }) => this.#clients(new URL(url)) }),
      "/api/clients/:id": this.#answer({
        GET: (_, { id = "" }) => this.#client(id),
        DELETE: (_, { id = "" }) => this.#disconnect(id),
      }),
      "/api/clients/:id/revoke": this.#answer({
        POST: ({ url }, { id = "" }) => this.#revoke(id, new URL(url)),
      }),
      "/api/clients/:id/send": this.#answer({ POST: (request, { id = "" }) => this.#send(request, id) }),
      "/api/publish": this.#answer({ POST: (request) => this.#publish(request) }),
      "/api/dead-letters": this.#answer({ GET: ({ url }) => letters.list(new URL(url)) }),
      "/api/dead-letters/replay": this.#answer({ POST: (request) => letters.replay(request) }),
      "/api/dead-letters/:id": this.#answer({ GET: (_, { id = "" }) => letters.show(id) }),
      "/api/drain": this.#answer({ POST: ({ url }) => this.#drain(new URL(url)) }),
      "/api/log-level": this.#answer({
        GET: () => Response.json({ level: this.#options.level().level }),
        PUT: (request) => this.#setLevel(request),
      }),
    };
  }

  #answer(methods: Readonly<Record<string, Handler>>): Answer<undefined> {
    return async (request) => {
      if (!this.#isAllowed(request)) {
        this.#options.onRefused();
        return Response.json(
          { error: "the header Authorization has to be Bearer and the token in --admin-token-file" },
          { status: 401, headers: { "www-authenticate": "Bearer" } },
        );
      }
      const handler = methods[request.method];
      const allow = Object.keys(methods).join(", ");
      if (handler === undefined)
        return Response.json({ error: `here is ${allow}` }, { status: 405, headers: { allow } });
      return await handler(request, request.params as Record<string, string>);
    };
  }

  /** Compares digests, so that the time tells nothing of the token, nor of its length. */
  #isAllowed({ headers }: Request): boolean {
    const [, given] = /^Bearer +(\S+)$/i.exec(headers.get("authorization") ?? "") ?? [];
    return given !== undefined && timingSafeEqual(digest(given), digest(this.#options.token()));
  }

  async #managers(): Promise<Response> {
    const { answers, missing } = await this.#options.askAll({ do: "managers" });
    return Response.json({ managers: answers, missing });
  }

  async #topics(): Promise<Response> {
    const { answers, missing } = await this.#options.askAll({ do: "topics" });
    const counts = new Map<string, number>();
    for (const { topics } of answers)
      for (const [topic, count] of topics as readonly (readonly [string, number])[])
        counts.set(topic, (counts.get(topic) ?? 0) + count);
    const topics = [...counts].map(([topic, subscribers]) => ({ topic, subscribers }));
    return Response.json({
      topics: topics.sort((one, other) => (one.topic < other.topic ? -1 : 1)),
      missing,
    });
  }

  async #clients({ searchParams }: URL): Promise<Response> {
    const limit = Number(searchParams.get("limit") ?? 100);
    const after = searchParams.get("after") ?? "";
    if (!Number.isInteger(limit) || limit < 1 || limit > pageMax)
      return bad(`limit is a whole number from 1 to ${pageMax}`);
    const search = searchParams.get("search") ?? "";
    if (search.length > searchMax) return bad(`search has at most ${searchMax} characters`);
    const { answers, missing } = await this.#options.askAll({ do: "clients", after, limit, search });
    const all = page(
      answers.flatMap(({ clients }) => clients as readonly SeenClient[]),
      after,
      limit,
    );
    const next = all.length === limit ? { next: all.at(-1)!.client } : {};
    return Response.json({ clients: all, ...next, missing });
  }

  async #client(id: string): Promise<Response> {
    const { connections, missing } = await this.#find(id);
    return connections.length === 0
      ? unknown(id, missing)
      : Response.json({ client: id, connections, missing });
  }

  async #find(client: string) {
    const { answers, missing } = await this.#options.askAll({ do: "client", client });
    return { connections: answers.flatMap(({ clients }) => clients as readonly SeenClient[]), missing };
  }

  async #disconnect(client: string): Promise<Response> {
    const { answers, missing } = await this.#options.askAll({ do: "disconnect", client });
    const disconnected = answers.reduce((sum, answer) => sum + Number(answer["disconnected"]), 0);
    return disconnected === 0 ? unknown(client, missing) : Response.json({ client, disconnected, missing });
  }

  async #revoke(client: string, { searchParams }: URL): Promise<Response> {
    const said = searchParams.get("for");
    const forMs = said === null ? revokedMsDefault : timeIn(said, revokedMsMax);
    if (!isName(client)) return bad("a client id has at most 255 bytes and no control characters");
    if (forMs === undefined || forMs === 0) return bad("for is a time such as 12h or 30d, at most 90d");
    const { connections } = await this.#find(client);
    const why = await this.#options.revoke(client, forMs);
    if (why !== undefined) return Response.json({ error: why }, { status: 503 });
    const { missing } = await this.#options.askAll({ do: "disconnect", client });
    return Response.json({
      client,
      disconnected: connections.length,
      until: new Date(Date.now() + forMs).toISOString(),
      missing,
    });
  }

  async #send(request: Request, clientId: string): Promise<Response> {
    const { connections, missing } = await this.#find(clientId);
    if (connections.length === 0) return unknown(clientId, missing);
    return await this.#hand(request, {
      topic: new URL(request.url).searchParams.get("topic") ?? "",
      clientId,
    });
  }

  async #publish(request: Request): Promise<Response> {
    const topic = new URL(request.url).searchParams.get("topic");
    if (topic === null) return bad("say ?topic=NAME; an empty one is for everybody that listens to all");
    return await this.#hand(request, { topic });
  }

  async #hand(request: Request, to: Pick<OutgoingMessage, "topic" | "clientId">): Promise<Response> {
    const { maxMessageBytes } = this.#options;
    if (!isName(to.topic) || isPattern(to.topic))
      return bad("a topic has at most 255 bytes, no control characters, and is no pattern");
    const declared = Number(request.headers.get("content-length") ?? 0);
    const bytes = declared > maxMessageBytes ? undefined : Buffer.from(await request.arrayBuffer());
    if (bytes === undefined || bytes.byteLength > maxMessageBytes)
      return Response.json(
        { error: `the body has more than --max-message-bytes, ${maxMessageBytes}` },
        { status: 413 },
      );
    const type = request.headers.get("content-type") ?? undefined;
    const headers = type === undefined ? {} : { headers: { "content-type": type } };
    const message = { ...to, body: bodyIn(bytes, type), ...headers };
    const key = request.headers.get("idempotency-key") ?? undefined;
    const faultyKey = key === undefined ? undefined : faultInKey(key);
    if (faultyKey !== undefined) return bad(`Idempotency-Key ${faultyKey}`);
    const unfit = this.#options.unfitnessOf(message);
    if (unfit !== undefined) return bad(unfit.why);
    const { promise, resolve } = Promise.withResolvers<Response>();
    const timer = setTimeout(
      () =>
        resolve(
          Response.json({ error: "RabbitMQ has not confirmed it yet; it may still arrive" }, { status: 504 }),
        ),
      confirmMsMax,
    );
    const taken = this.#options.publish(
      message,
      {
        confirmed: () => resolve(Response.json({ confirmed: true })),
        setAside: (error) => resolve(Response.json({ error }, { status: 422 })),
      },
      key,
    );
    if (taken === "reused")
      resolve(Response.json({ error: "the Idempotency-Key belongs to another message" }, { status: 409 }));
    if (taken === "too many")
      resolve(
        Response.json(
          { error: "too many wait for earlier messages with their keys: try again" },
          { status: 503 },
        ),
      );
    return await promise.finally(() => clearTimeout(timer));
  }

  #drain({ searchParams }: URL): Response {
    const said = searchParams.get("over") ?? "30s";
    const overMs = timeIn(said, drainMsMax);
    if (overMs === undefined) return bad("over is a time such as 30s, at most 60m");
    this.#options.drain(overMs);
    return Response.json({ drainingMs: overMs }, { status: 202 });
  }

  async #setLevel(request: Request): Promise<Response> {
    const said = (await request.text()).slice(0, 100);
    const level = levels.find(
      (one) => said.trim() === one || said.replace(/\s/g, "") === `{"level":"${one}"}`,
    );
    if (level === undefined) return bad(`say {"level": "…"} with one of ${levels.join(", ")}`);
    this.#options.level().changeLevel(level);
    return Response.json({ level });
  }
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function unknown(client: string, missing: readonly string[]): Response {
  return Response.json({ error: `no client "${client}" is connected`, missing }, { status: 404 });
}
