import { afterAll, describe, expect, test } from "bun:test";
import { ControlApi } from "../../../src/control/api.ts";
import type { Command } from "../../../src/control/command.ts";
import type { ControlOptions } from "../../../src/control/control-options.ts";
import { openApi } from "../../../src/control/open-api.ts";
import type { Waiter } from "../../../src/envelope/waiter.ts";
import { FatalError } from "../../../src/errors.ts";
import { HostGuard } from "../../../src/gateway/guards/host-guard.ts";
import { Refusals } from "../../../src/gateway/guards/refusals.ts";
import { AdminListener } from "../../../src/ops/admin.ts";
import { Notices } from "../../../src/ops/notices.ts";
import { RecordingLogger } from "../doubles/recording-logger.ts";

const token = "a-token-that-is-long-enough";
const bodyBytesMax = 1000;

/** What the API finds behind it. */
interface World {
  /** Undefined: the file of the token cannot be read. */
  readonly token?: string | undefined;
  readonly publish?: (waiter: Waiter) => Awaited<ReturnType<ControlOptions["publish"]>>;
  readonly unfit?: string;
  readonly revoke?: string;
  /** The managers that do not answer. */
  readonly missing?: readonly string[];
  readonly letters?: "none" | "away" | "no broker";
}

let world: World = {};

const anna = { client: "anna", manager: "one", protocol: "text", topics: [] };
const answerOf = (command: Command) => {
  const isAnna = "client" in command && command.client === "anna";
  switch (command.do) {
    case "topics":
      return { manager: "one", topics: [["t", 1]] };
    case "clients":
    case "client":
      return { manager: "one", clients: command.do === "clients" || isAnna ? [anna] : [] };
    case "disconnect":
      return { manager: "one", disconnected: isAnna ? 1 : 0 };
    default:
      return { manager: "one" };
  }
};
const options: ControlOptions = {
  token: () => {
    if ("token" in world) throw new FatalError("the file of --admin-token-file cannot be read: ENOENT");
    return token;
  },
  askAll: async (command) => ({ answers: [answerOf(command)], missing: world.missing ?? [] }),
  publish: async (_message, waiter) => world.publish?.(waiter) ?? confirm(waiter),
  unfitnessOf: () => (world.unfit === undefined ? undefined : { why: world.unfit }),
  revoke: async () => world.revoke,
  drain: (overMs) => overMs,
  level: () => ({ level: "info", changeLevel: () => undefined }),
  deadLetters: () => {
    if (world.letters === "no broker") return undefined;
    const orThrow = () => {
      if (world.letters === "away") throw new Error("RabbitMQ is away");
    };
    return {
      list: () => {
        orThrow();
        return Promise.resolve({ letters: world.letters === "none" ? [] : ["{}"], total: 1 });
      },
      replay: () => {
        orThrow();
        return Promise.resolve({ replayed: 1, stayed: 0 });
      },
    };
  },
  maxMessageBytes: bodyBytesMax,
  confirmMsMax: 20,
  onRefused: () => undefined,
};
const confirm = (waiter: Waiter) => {
  waiter.confirmed();
  return "new" as const;
};

const logger = new RecordingLogger();
const admin = new AdminListener(
  { adminHost: "127.0.0.1", adminPort: 0 },
  { readiness: () => ({ ready: true }), metrics: () => [] },
  new HostGuard([], new Refusals(logger), new Notices(logger)),
  new ControlApi(options).routes,
);
admin.open();
afterAll(() => admin.close());

/** One request, and what is behind the API when it comes. */
interface Attempt {
  /** In the place of the path's `{id}`. */
  readonly id?: string;
  readonly query?: string;
  readonly body?: string | (() => ReadableStream<Uint8Array>);
  readonly headers?: Record<string, string>;
  readonly world?: World;
}

type Method = "get" | "post" | "put" | "delete";

async function answer(method: Method, path: string, attempt: Attempt): Promise<Response> {
  world = attempt.world ?? {};
  const { id = "anna", query = "", body } = attempt;
  const url = new URL(path.replace("{id}", id) + query, admin.url);
  return await fetch(url, {
    method: method.toUpperCase(),
    headers: { authorization: `Bearer ${token}`, ...attempt.headers },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : body() }),
  });
}

const tooLong = "x".repeat(100_000);
/** The length is not announced. */
const endless = () => {
  const piece = new Uint8Array(10_000);
  let count = 0;
  return new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (count++ < 10) controller.enqueue(piece);
      else controller.close();
    },
  });
};

/** What any operation may come to. */
const ofAll: Readonly<Record<string, readonly Attempt[]>> = {
  "400": [
    { headers: { host: "a b" } },
    { query: "?topic=t&topic=t" },
    { query: "?topic=t&limit=1&limit=2" },
    { query: "?topic=100%" },
    { query: "?topic=%ff" },
  ],
  "401": [
    { headers: { authorization: "" } },
    { headers: { authorization: "Bearer wrong" } },
    { headers: { authorization: `Basic ${token}` } },
    { headers: { authorization: `Bearer ${token}x` } },
  ],
  "403": [{ headers: { host: "evil.example" } }],
  "503": [{ world: { token: undefined } }],
};
const nobody = { id: "nobody" };
const notFoundOut: Attempt = { id: "nobody", world: { missing: ["two"] } };
const lettersFail: Readonly<Record<string, readonly Attempt[]>> = {
  "404": [{ world: { letters: "no broker" }, body: '{"all":true}' }],
  "503": [{ world: { letters: "away" }, body: '{"all":true}' }],
};
const withoutBodies = (attempts: typeof lettersFail) =>
  Object.fromEntries(
    Object.entries(attempts).map(([status, some]) => [status, some.map(({ body: _, ...rest }) => rest)]),
  );
const noIdempotency = (why: "reused" | "too many" | "full"): Attempt => ({ world: { publish: () => why } });
const publishing: Readonly<Record<string, readonly Attempt[]>> = {
  "200": [{ body: "hello" }, {}],
  "400": [
    { query: "?topic=a.*" },
    { query: `?topic=${"x".repeat(256)}` },
    { headers: { "idempotency-key": "x".repeat(256) } },
    { world: { unfit: "its headers are too long" } },
  ],
  "409": [noIdempotency("reused")],
  "413": [{ body: tooLong }, { body: endless }],
  "422": [
    {
      world: {
        publish: (waiter) => {
          waiter.setAside("RabbitMQ closes the channel for it");
          return "new";
        },
      },
    },
  ],
  "503": [noIdempotency("too many"), noIdempotency("full")],
  "504": [{ world: { publish: () => "new" } }],
};
const toTopic = (attempts: typeof publishing) =>
  Object.fromEntries(
    Object.entries(attempts).map(([status, some]) => [
      status,
      some.map((attempt) => ({ query: "?topic=t", ...attempt })),
    ]),
  );

/** How each operation is brought to each of its own answers. */
const own: Readonly<Record<string, Readonly<Record<string, readonly Attempt[]>>>> = {
  "get /api/openapi.json": { "200": [{}] },
  "get /api/managers": { "200": [{}] },
  "get /api/topics": { "200": [{}] },
  "get /api/clients": {
    "200": [{}, { query: "?limit=1&after=a&search=x" }],
    "400": [{ query: "?limit=0" }, { query: "?limit=many" }, { query: `?search=${"x".repeat(256)}` }],
  },
  "get /api/clients/{id}": {
    "200": [{}],
    "404": [nobody, { id: "%ff" }, { id: "%00" }],
    "503": [notFoundOut],
  },
  "delete /api/clients/{id}": { "200": [{}], "404": [nobody], "503": [notFoundOut] },
  "post /api/clients/{id}/revoke": {
    "200": [{}, { query: "?for=12h" }],
    "400": [{ query: "?for=soon" }, { query: "?for=91d" }, { query: "?for=0s" }, { id: "x".repeat(256) }],
    "503": [{ world: { revoke: "RabbitMQ is away" } }],
  },
  "post /api/clients/{id}/send": {
    ...publishing,
    "404": [nobody],
    "503": [notFoundOut, ...(publishing["503"] ?? [])],
  },
  "post /api/publish": {
    ...toTopic(publishing),
    "400": [{}, ...(toTopic(publishing)["400"] ?? [])],
  },
  "get /api/dead-letters": {
    ...withoutBodies(lettersFail),
    "200": [{}, { query: "?limit=1&group=g&reason=r" }],
    "400": [{ query: "?limit=0" }, { query: "?limit=101" }],
  },
  "get /api/dead-letters/{id}": {
    ...withoutBodies(lettersFail),
    "200": [{}],
    "404": [{ world: { letters: "none" } }, { world: { letters: "no broker" } }],
  },
  "post /api/dead-letters/replay": {
    ...lettersFail,
    "200": [{ body: '{"all":true}' }, { body: '{"ids":["1"]}' }],
    "400": [{}, { body: "{" }, { body: "[]" }, { body: '{"ids":[1]}' }, { body: '{"every":true}' }],
    "413": [{ body: tooLong }, { body: endless }],
  },
  "post /api/drain": { "202": [{}, { query: "?over=0s" }], "400": [{ query: "?over=soon" }] },
  "get /api/log-level": { "200": [{}] },
  "put /api/log-level": {
    "200": [{ body: '{"level": "debug"}' }, { body: "warn" }],
    "400": [
      {},
      { body: "loud" },
      { body: "{}" },
      { body: "null" },
      { body: '{"level":1}' },
      { body: '{"level":"info","client":"anna"}' },
      { body: '{"level":"info","level":"debug"}' },
    ],
    "413": [{ body: tooLong }, { body: endless }],
  },
};

interface Operation {
  readonly method: Method;
  readonly path: string;
  readonly documented: Readonly<Record<string, { readonly content: object }>>;
  readonly ways: Readonly<Record<string, readonly Attempt[]>>;
}

const operations: readonly Operation[] = Object.entries(openApi.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { responses }]) => {
    const ways: Record<string, readonly Attempt[]> = {};
    for (const [status, attempts] of [
      ...Object.entries(ofAll),
      ...Object.entries(own[`${method} ${path}`] ?? {}),
    ])
      ways[status] = [...(ways[status] ?? []), ...attempts];
    return { method: method as Method, path, documented: responses, ways };
  }),
);

describe.each(operations)("the API's description of $method $path", ({ method, path, documented, ways }) => {
  test("names every status that it answers, and no other", () => {
    expect(Object.keys(ways).sort()).toEqual(Object.keys(documented).sort());
  });

  test.each(Object.entries(ways))("is true of %s", async (status, attempts) => {
    for (const attempt of attempts) {
      const response = await answer(method, path, attempt);
      const body = await response.text();
      expect([response.status, body]).toEqual([Number(status), expect.any(String)]);
      // As the description has it, and with a sentence that says what is wrong.
      const [type = ""] = (response.headers.get("content-type") ?? "").split(";");
      expect(Object.keys(documented[status]?.content ?? {})).toContain(type);
      if (response.ok) expect(JSON.parse(body)).toBeObject();
      else if (type === "application/json") expect(JSON.parse(body).error).toMatch(/\w \w/);
      else expect(body).toMatch(/\w \w/);
    }
  });
});

test("the API's description has every path, and no method that it leaves out", async () => {
  const described = Object.keys(openApi.paths).map((path) => path.replace("{id}", ":id"));
  expect(Object.keys(new ControlApi(options).routes).sort()).toEqual(described.sort());
  for (const [path, methods] of Object.entries(openApi.paths))
    for (const method of ["get", "post", "put", "delete"] as const) {
      if (method in methods) continue;
      const response = await answer(method, path, {});
      expect([path, method, response.status]).toEqual([path, method, 405]);
      expect(response.headers.get("allow")).toBe(Object.keys(methods).join(", ").toUpperCase());
    }
});

test("a client that was found is told of, whichever managers have not answered", async () => {
  const response = await answer("get", "/api/clients/{id}", { world: { missing: ["two"] } });
  expect([response.status, await response.json()]).toEqual([
    200,
    { client: "anna", connections: [anna], missing: ["two"] },
  ]);
});

test("where a manager has not answered, a client that no other has is not said to be gone", async () => {
  const response = await answer("get", "/api/clients/{id}", notFoundOut);
  expect([response.status, await response.json()]).toEqual([
    503,
    { error: expect.stringContaining("ask again"), missing: ["two"] },
  ]);
});

test("a connection whose answer waits for RabbitMQ is not taken for an idle one", async () => {
  const timeouts: number[] = [];
  const server = { timeout: (_: Request, seconds: number) => timeouts.push(seconds) };
  const request = Object.assign(
    new Request("http://localhost/api/publish?topic=t", {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
    }),
    { params: {} },
  );
  world = { publish: () => "new" };
  const response = await new ControlApi(options).routes["/api/publish"]!(request as never, server as never);
  expect(response?.status).toBe(504);
  // Longer than RabbitMQ may take; then as before.
  expect(timeouts).toEqual([255, 10]);
});

test.each([
  ["get", "/api/clients", { query: "?limit=1&limit=2" }, "limit stands twice in the query"],
  ["post", "/api/publish", { query: "?topic=100%" }, "the query is not percent-encoded UTF-8"],
  ["put", "/api/log-level", { body: "{" }, "the body is no JSON"],
  ["put", "/api/log-level", { body: '{"level":"info","a":1}' }, "the body has more than a level: a"],
  ["put", "/api/log-level", { body: '{"level":"loud"}' }, "the body has no level that is known"],
  ["put", "/api/log-level", { body: '{"level":"info","level":"info"}' }, "the body has two levels"],
] as const)(
  "a request that can be meant in two ways is told so: %s %s %p",
  async (method, path, attempt, why) => {
    const response = await answer(method, path, attempt);
    expect([response.status, ((await response.json()) as { error: string }).error]).toEqual([
      400,
      expect.stringContaining(why),
    ]);
  },
);
