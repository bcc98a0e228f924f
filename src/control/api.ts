import { createHash, timingSafeEqual } from "node:crypto";
import { timeIn } from "../duration.ts";
import { FatalError } from "../errors.ts";
import type { Answer, Routes } from "../ops/http.ts";
import { type Level, levels } from "../ops/logger.ts";
import { Query } from "../query.ts";
import { bodyOf } from "./body.ts";
import { ClientRoutes } from "./client-routes.ts";
import { drainMs } from "./command.ts";
import type { ControlOptions } from "./control-options.ts";
import { LetterRoutes } from "./letter-routes.ts";
import { openApi } from "./open-api.ts";
import { PublishRoutes } from "./publish-routes.ts";
import { bad, refused } from "./refusal.ts";

/** What names a log level may have, in bytes. */
const levelBytesMax = 100;
/**
 * How long a connection may be idle: Bun's default, and while the answer depends on RabbitMQ or other managers, the longest that Bun
 * allows. In seconds.
 */
const idleS = { usual: 10, answering: 255 };

/** Answers a request. @param id the client or dead letter in its path */
type Handler = (request: Request, query: Query, id: string) => Response | Promise<Response>;

/** `/api/…` on the admin listener: JSON. Any manager answers for all of them. */
export class ControlApi {
  readonly #options: ControlOptions;

  constructor(options: ControlOptions) {
    this.#options = options;
  }

  get routes(): Routes<undefined> {
    const clients = new ClientRoutes(this.#options);
    const publishing = new PublishRoutes(this.#options, clients);
    const letters = new LetterRoutes(() => this.#options.deadLetters());
    return {
      "/api/openapi.json": this.#answer({ GET: () => Response.json(openApi) }),
      "/api/managers": this.#answer({ GET: () => this.#managers() }),
      "/api/topics": this.#answer({ GET: () => this.#topics() }),
      "/api/clients": this.#answer({ GET: (_, query) => clients.list(query) }),
      "/api/clients/:id": this.#answer({
        GET: (_, _query, id) => clients.show(id),
        DELETE: (_, _query, id) => clients.disconnect(id),
      }),
      "/api/clients/:id/revoke": this.#answer({
        POST: (_, query, id) => clients.revoke(id, query),
      }),
      "/api/clients/:id/send": this.#answer({
        POST: (request, query, id) => publishing.send(request, query, id),
      }),
      "/api/publish": this.#answer({ POST: (request, query) => publishing.publish(request, query) }),
      "/api/dead-letters": this.#answer({ GET: (_, query) => letters.list(query) }),
      "/api/dead-letters/replay": this.#answer({ POST: (request) => letters.replay(request) }),
      "/api/dead-letters/:id": this.#answer({ GET: (_, _query, id) => letters.show(id) }),
      "/api/drain": this.#answer({ POST: (_, query) => this.#drain(query) }),
      "/api/log-level": this.#answer({
        GET: () => Response.json({ level: this.#options.level().level }),
        PUT: (request) => this.#setLevel(request),
      }),
    };
  }

  #answer(methods: Readonly<Record<string, Handler>>): Answer<undefined> {
    return async (request, server) => {
      let isAllowed: boolean;
      try {
        isAllowed = this.#isAllowed(request);
      } catch (error) {
        if (!(error instanceof FatalError)) throw error;
        // The file may be just being replaced. The answer does not name it.
        return refused(503, "the token in --admin-token-file cannot be read now, so no request is allowed");
      }
      if (!isAllowed) {
        this.#options.onRefused();
        return Response.json(
          { error: "the header Authorization has to be Bearer and the token in --admin-token-file" },
          { status: 401, headers: { "www-authenticate": "Bearer" } },
        );
      }
      const handler = methods[request.method];
      const allow = Object.keys(methods).join(", ");
      if (handler === undefined)
        return Response.json(
          { error: `method not allowed: this path takes only ${allow}` },
          { status: 405, headers: { allow } },
        );
      const query = new Query(request.url);
      if (query.fault !== undefined) return bad(query.fault);
      server.timeout(request, idleS.answering);
      try {
        return await handler(request, query, request.params["id"] ?? "");
      } finally {
        server.timeout(request, idleS.usual);
      }
    };
  }

  /** Compares digests, so that the time reveals nothing about the token or its length. @throws FatalError if its file cannot be read */
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
    // A manager of an earlier version lists all.
    const others = answers.reduce((sum, answer) => sum + Number(answer["others"] ?? 0), 0);
    return Response.json({
      topics: topics.sort((one, other) => (one.topic < other.topic ? -1 : 1)),
      ...(others === 0 ? {} : { others }),
      missing,
    });
  }

  #drain(query: Query): Response {
    const said = query.get("over");
    const overMs = said === undefined ? drainMs.usual : timeIn(said, drainMs.most);
    if (overMs === undefined) return bad("over is a time such as 30s, at most 60m");
    return Response.json({ drainingMs: this.#options.drain(overMs) }, { status: 202 });
  }

  async #setLevel(request: Request): Promise<Response> {
    const body = await bodyOf(request, levelBytesMax, `${levelBytesMax} bytes`);
    if (body instanceof Response) return body;
    const level = levelIn(body.toString());
    if (!isLevel(level)) return bad(`${level}: say {"level": "…"} with one of ${levels.join(", ")}`);
    this.#options.level().changeLevel(level);
    return Response.json({ level });
  }
}

/** The level in a body, which is JSON or the bare word; or what is wrong with it. */
function levelIn(body: string): string {
  if (isLevel(body.trim())) return body.trim();
  let said: unknown;
  try {
    said = JSON.parse(body);
  } catch {
    return "the body is no JSON";
  }
  const { level, ...others } = Object(said) as Record<string, unknown>;
  const [other] = Object.keys(others);
  if (other !== undefined) return `the body has more than a level: ${other}`;
  if (typeof level !== "string" || !isLevel(level)) return "the body has no level that is known";
  // JSON.parse takes the last one.
  return (body.match(/"level"/g) ?? []).length > 1 ? "the body has two levels" : level;
}

function isLevel(text: string): text is Level {
  return levels.some((level) => level === text);
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
