import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Auth } from "../../src/gateway/auth/auth.ts";
import { lastTopicsMax } from "../../src/gateway/durable/newest.ts";
import type { Handler } from "../../src/processor/handler.ts";
import { connect } from "../support/client.ts";
import { EventConnection } from "../support/event-source.ts";
import { metricsOf } from "../support/metrics-of.ts";
import { connectStomp } from "../support/stomp-client.ts";
import { optionsOf, QuietLogger, startSystem } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until, within } from "../support/wait.ts";
import { claims, hs256 } from "../unit/gateway/auth/signing.ts";

setDefaultTimeout(integrationTimeoutMs);

const handler: Handler = ({ text, isRequest, headers, contentType }) => {
  if (text === "tell me alone") return { to: "sender", body: "only you" };
  if (!isRequest) return undefined;
  if (text === "fail") throw new Error("secret: the password is 1234");
  if (text === "hang") return new Promise(() => undefined);
  if (text === "page")
    return { to: "sender", body: "<b>hi</b>", contentType: "text/html", headers: { shade: "dark é" } };
  if (text === "odd type") return { to: "sender", body: "here", contentType: "text/ж\nx: y" };
  return `${contentType} ${headers["shade"]} ${text}`;
};
const start = (...args: string[]) => startSystem(args, handler);
type Started = ReturnType<typeof start>;

const secret = "a secret of more than thirty-two bytes";
const folder = mkdtempSync(join(tmpdir(), "warren-http-"));
const secretFile = join(folder, "secret");
beforeAll(() => writeFileSync(secretFile, `${secret}\n`));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const at = ({ url }: Started, path: string) => new URL(path, url);
const post = (system: Started, path: string, body: BodyInit, headers: Record<string, string> = {}) =>
  fetch(at(system, path), { method: "POST", body, headers: { "content-type": "text/plain", ...headers } });
const listen = (system: Started, path: string, headers: Record<string, string> = {}) =>
  EventConnection.open(at(system, path), headers);
const clientsOf = async (system: Started) => (await metricsOf(system.url))["warren_clients"];
const errorOf = async (response: Response) => [
  response.status,
  ((await response.json()) as { readonly error: string }).error,
];

describe("what is POSTed to a topic", () => {
  test("is confirmed, and heard by clients of every protocol, with its headers", async () => {
    await using system = start();
    await using text = await connect(system.wsUrl("/ws?topic=a.b"));
    await using events = await listen(system, "/topics/a.%23?envelope=json");
    const peer = await connectStomp(system.wsUrl("/ws"));
    const stomp = await peer.subscribe("/topic/a.*");
    const response = await post(system, "/topics/a.b?client=anna", "hello", {
      "content-type": "text/css",
      "warren-shade": "dark%20%C3%A9",
      "warren-correlation-id": "7",
    });
    expect([response.status, await response.json()]).toEqual([200, { confirmed: true }]);
    expect(await text.next()).toBe("hello");
    await until(() => stomp.length === 1 && events.events.length === 1, "both heard it");
    expect(stomp[0]!.headers).toMatchObject({
      "client-id": "anna",
      "content-type": "text/css",
      shade: "dark é",
      "correlation-id": "7",
    });
    expect(JSON.parse(events.events[0]!.data)).toMatchObject({
      topic: "a.b",
      client: "anna",
      headers: { "content-type": "text/css", shade: "dark é", "correlation-id": "7" },
      body: "hello",
    });
    await post(system, "/topics/", "to everybody");
    await using broadcast = await connect(system.wsUrl("/ws"));
    await post(system, "/topics/", "to everybody");
    expect(await broadcast.next()).toBe("to everybody");
    await peer.client.deactivate();
  });

  test("is refused with a sentence that says what to do", async () => {
    await using system = start("--max-message-bytes", "1000");
    const cases: (readonly [path: string, body: string, headers: Record<string, string>, status: number])[] =
      [
        ["/topics/a.*", "x", {}, 400],
        ["/topics/a%00", "x", {}, 400],
        ["/topics/a/b", "x", {}, 400],
        ["/topics/a?client=", "x", {}, 400],
        ["/topics/a?wait=1h", "x", {}, 400],
        ["/topics/a?wait=1s&wait=2s", "x", {}, 400],
        ["/topics/a?client=a%ff", "x", {}, 400],
        ["/topics/a?client=100%", "x", {}, 400],
        ["/topics/a", "x", { "idempotency-key": "k", "warren-idempotency-key": "l" }, 400],
        ["/topics/a", "x", { "warren-shade": "dark", "warren-%73hade": "light" }, 400],
        ["/topics/a", "x", { "warren-priority": "high" }, 400],
        ["/topics/a", "x", { "content-type": "application/vnd.warren.pack" }, 400],
        ["/topics/a", "x".repeat(1001), {}, 413],
        ["/topics/a", "x", { origin: "http://elsewhere.example" }, 403],
        ["/topics/a", "x", { "sec-fetch-site": "cross-site" }, 403],
        ["/app/", "x", {}, 400],
        ["/app/a.%23", "x", {}, 400],
      ];
    for (const [path, body, headers, status] of cases) {
      const [got, error] = await errorOf(await post(system, path, body, headers));
      expect([path, got]).toEqual([path, status]);
      expect(String(error).length).toBeGreaterThan(20);
    }
    const chunked = new ReadableStream({
      pull(controller) {
        controller.enqueue(new TextEncoder().encode("x".repeat(400)));
      },
    });
    expect((await post(system, "/topics/a", chunked)).status).toBe(413);
    const put = await fetch(at(system, "/topics/a"), { method: "PUT", body: "x" });
    expect([put.status, put.headers.get("allow")]).toEqual([405, "GET, HEAD, POST, OPTIONS"]);
    expect((await metricsOf(system.url))["warren_messages_received_total"]).toBe(0);
    expect((await post(system, "/topics/a", "x".repeat(1000))).status).toBe(200);
  });

  test("too often is refused with the time to wait, and counts for each sender by itself", async () => {
    await using system = start("--max-messages-per-second", "3", "--trust-proxy", "127.0.0.1");
    const from = (address: string) => post(system, "/topics/a", "x", { "x-forwarded-for": address });
    const answers = await Promise.all(Array.from({ length: 40 }, () => from("192.0.2.1")));
    const refused = answers.filter(({ status }) => status === 429);
    expect(answers.filter(({ status }) => status === 200).length).toBe(40 - refused.length);
    expect(refused.length).toBeGreaterThan(0);
    for (const { headers } of refused) expect(Number(headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect((await from("192.0.2.2")).status).toBe(200);
  });

  test("has the type of Warren-Content-Type, since browsers set a Content-Type by themselves", async () => {
    await using system = start();
    await using events = await listen(system, "/topics/a?envelope=json");
    const headers = { "content-type": "text/plain", "warren-content-type": "application/octet-stream" };
    expect((await post(system, "/topics/a", "x", headers)).status).toBe(200);
    await until(() => events.events.length === 1, "it is heard");
    expect(JSON.parse(events.events[0]!.data)).toMatchObject({
      headers: { "content-type": "application/octet-stream" },
    });
  });

  test("with an Idempotency-Key is published once, and another message is not taken for it", async () => {
    await using system = start();
    await using events = await listen(system, "/topics/%23");
    const key = { "idempotency-key": "7f3a" };
    expect((await post(system, "/topics/a", "once", key)).status).toBe(200);
    expect((await post(system, "/topics/a", "once", key)).status).toBe(200);
    expect((await errorOf(await post(system, "/topics/a", "other", key)))[0]).toBe(409);
    expect((await post(system, "/topics/a?client=anna", "hers", key)).status).toBe(200);
    const ask = { "idempotency-key": "7f3b" };
    expect((await post(system, "/app/a", "x", ask)).status).toBe(200);
    expect((await errorOf(await post(system, "/app/a", "x", ask)))[0]).toBe(409);
    await until(() => events.bodies.includes("hers"), "all came");
    expect(events.bodies).toEqual(["once", "hers"]);
  });

  test("waits no longer for RabbitMQ's confirm than it says, and is told that it was taken", async () => {
    await using system = start();
    const response = await post(system, "/topics/a?wait=0", "x");
    expect([200, 202]).toContain(response.status);
  });
});

describe("server-sent events", () => {
  test("go on where a client was, by Last-Event-ID or in the address, without loss or repeats", async () => {
    await using system = start();
    const first = await listen(system, "/topics/a.%23");
    expect(first.response.headers.get("content-type")).toBe("text/event-stream");
    expect(first.response.headers.get("cache-control")).toBe("no-store");
    expect(first.response.headers.get("x-accel-buffering")).toBe("no");
    await until(() => first.lastId !== "", "it is in force");
    const begun = first.lastId;
    for (const body of ["1", "2", "3"]) await post(system, "/topics/a.b", body);
    await post(system, "/topics/b", "another topic");
    await until(() => first.bodies.length === 3, "all came");
    const [, second] = first.events;
    await first[Symbol.asyncDispose]();
    await post(system, "/topics/a.c", "4");
    const places: (readonly [path: string, headers: Record<string, string>, bodies: string[]])[] = [
      ["/topics/a.%23", { "last-event-id": second!.id }, ["3", "4"]],
      ["/topics/a.%23?from=first", { "last-event-id": second!.id }, ["3", "4"]],
      [`/topics/a.%23?after=${second!.id}`, {}, ["3", "4"]],
      [`/topics/a.%23?from=${second!.id}`, {}, ["2", "3", "4"]],
      ["/topics/a.%23?from=first", {}, ["1", "2", "3", "4"]],
      ["/topics/a.%23", { "last-event-id": begun }, ["1", "2", "3", "4"]],
      // The newest of each topic.
      ["/topics/a.%23?from=last", {}, ["3", "4"]],
      ["/topics/a.%23?from=last%3D3", {}, ["2", "3", "4"]],
    ];
    for (const [path, headers, bodies] of places) {
      await using again = await listen(system, path, headers);
      await until(() => again.bodies.length >= bodies.length, `${path} came`);
      expect([path, again.bodies]).toEqual([path, bodies]);
    }
    for (const [path, id] of [
      ["/topics/a?from=yesterday", ""],
      ["/topics/a", "no position"],
      ["/topics/a", "9".repeat(8000)],
    ] as const) {
      const response = await fetch(at(system, path), { headers: { "last-event-id": id } });
      expect(response.status).toBe(400);
    }
  });

  test("tell of a gap where the position is of another log, and then all that there is", async () => {
    await using system = start();
    await post(system, "/topics/a", "1");
    await using events = await listen(system, "/topics/a", { "last-event-id": "9007199254740000" });
    await until(() => events.events.length === 2, "both came");
    expect(events.events.map(({ event, data }) => [event, event === "gap" || data])).toEqual([
      ["gap", true],
      ["message", "1"],
    ]);
  });

  test("are of a client like others: it is counted, addressed by its id, and disconnected with a word", async () => {
    const token = "t".repeat(16);
    const tokenFile = join(folder, "admin-token");
    writeFileSync(tokenFile, token);
    await using system = start("--admin-port", "0", "--admin-token-file", tokenFile);
    await using anna = await listen(system, "/topics/a?client=anna&envelope=json");
    expect(anna.response.headers.get("warren-client")).toBe("anna");
    const admin = (path: string, method = "GET") =>
      fetch(new URL(path, system.manager.adminUrl), {
        method,
        headers: { authorization: `Bearer ${token}` },
      });
    const seen = await until(async () => {
      const answer = await admin("/api/clients/anna");
      if (!answer.ok) return undefined;
      return (await answer.json()) as { readonly connections: readonly object[] };
    }, "it is there");
    expect(seen.connections).toMatchObject([{ client: "anna", protocol: "sse", topics: ["a"] }]);
    await post(system, "/topics/b?client=anna", "tell me alone");
    await until(() => anna.events.length === 1, "it came");
    expect(JSON.parse(anna.events[0]!.data)).toMatchObject({ body: "only you", direct: true });
    expect(await (await admin("/api/clients/anna", "DELETE")).json()).toMatchObject({ disconnected: 1 });
    expect(await within(anna.ended, "the end")).toBe("whole");
    expect(JSON.parse(anna.events.at(-1)!.data)).toMatchObject({ code: 4410 });
    expect((await admin("/api/clients/anna")).status).toBe(404);
    const ben = await listen(system, "/topics/a");
    await until(() => ben.lastId !== "", "another one is connected");
    await ben[Symbol.asyncDispose]();
    const metrics = async () =>
      (await (await fetch(new URL("/metrics", system.manager.adminUrl))).text()).split("\n");
    await until(
      async () => (await metrics()).includes('warren_disconnects_total{cause="client"} 1'),
      "it has gone by itself",
    );
  });

  test("end with the time to come back in when the manager stops", async () => {
    const system = start();
    const events = await listen(system, "/topics/a");
    await until(() => events.lastId !== "", "it is in force");
    const poll = fetch(at(system, "/topics/a?wait=1m"));
    await until(async () => (await clientsOf(system)) === 2, "both are there");
    await system[Symbol.asyncDispose]();
    expect(await within(events.ended, "the end")).toBe("whole");
    expect(JSON.parse(events.events.at(-1)!.data)).toEqual({ code: 1001, reason: "the manager is stopping" });
    expect(events.retryMs).toBeGreaterThan(0);
    const answer = await poll;
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
  });

  test("go only to the client that asks for them", async () => {
    await using system = start();
    const status = async (accept: string) => {
      const abort = new AbortController();
      const response = await fetch(at(system, "/topics/a"), { headers: { accept }, signal: abort.signal });
      abort.abort();
      return response.status;
    };
    expect(await status("text/html,application/xhtml+xml,*/*;q=0.8")).toBe(406);
    expect(await status("*/*")).toBe(200);
    expect(await status("application/json, text/event-stream")).toBe(200);
    expect(await status("text/event-stream;q=0")).toBe(406);
    const head = await fetch(at(system, "/topics/a"), { method: "HEAD" });
    expect(head.status).toBe(200);
    await until(async () => (await clientsOf(system)) === 0, "no seat is taken");
  });

  test("take a seat as every client does, and what is POSTed takes none", async () => {
    await using system = start("--max-clients", "1");
    await using events = await listen(system, "/topics/a");
    expect((await fetch(at(system, "/topics/a"))).status).toBe(503);
    await post(system, "/topics/a", "posts need no seat");
    await until(() => events.bodies.length === 1, "it came");
  });
});

describe("a long poll", () => {
  test("gets what the log has already, however short its wait is", async () => {
    await using system = start();
    for (let index = 0; index < 20; index++) await post(system, "/topics/a", `${index}`);
    for (let round = 0; round < 10; round++)
      for (const from of ["first", "last", "last=5", "timestamp=1"]) {
        const response = await fetch(at(system, `/topics/a?wait=0&from=${from}`));
        expect([from, response.status]).toEqual([from, 200]);
        expect(await response.text()).toInclude('"body":"19"');
      }
    const nothing = await fetch(at(system, "/topics/b?wait=0&from=first"));
    expect(nothing.status).toBe(204);
    expect(nothing.headers.get("warren-next")).toBeString();
  });

  test("answers with what comes, and where to go on", async () => {
    await using system = start();
    const poll = async (query: string) => {
      const response = await fetch(at(system, `/topics/a?${query}`));
      const lines = (await response.text()).split("\n").slice(0, -1);
      const bodies = lines.map((line) => (JSON.parse(line) as { readonly body: string }).body);
      return { status: response.status, next: response.headers.get("warren-next")!, bodies };
    };
    const nothing = await poll("wait=100ms");
    expect(nothing).toMatchObject({ status: 204, bodies: [] });
    await post(system, "/topics/a", "1");
    await post(system, "/topics/a", "2");
    const begin = nothing.next === null ? "from=first" : `from=${nothing.next}`;
    const some = await poll(`wait=20s&${begin}`);
    expect(some).toMatchObject({ status: 200, bodies: ["1", "2"] });
    const waiting = poll(`wait=20s&from=${some.next}`);
    await until(async () => (await clientsOf(system)) === 1, "it waits");
    await post(system, "/topics/b", "another topic");
    await post(system, "/topics/a", "3");
    const third = await waiting;
    expect(third.bodies).toEqual(["3"]);
    const last = await poll(`wait=100ms&from=${third.next}`);
    expect(last).toMatchObject({ status: 204, bodies: [] });
    await post(system, "/topics/a", "4");
    expect((await poll(`wait=20s&from=${last.next ?? third.next}`)).bodies).toEqual(["4"]);
    await until(async () => (await clientsOf(system)) === 0, "none is left");
    for (const wait of ["1h", "-1", "soon"]) expect((await poll(`wait=${wait}`)).status).toBe(400);
  });

  test("whose client goes leaves nothing behind", async () => {
    await using system = start();
    const abort = new AbortController();
    const gone = fetch(at(system, "/topics/a?wait=1m"), { signal: abort.signal }).catch(() => "gone");
    await until(async () => (await clientsOf(system)) === 1, "it waits");
    abort.abort();
    expect(await gone).toBe("gone");
    await until(async () => (await clientsOf(system)) === 0, "it has gone");
  });
});

test("a request for the last message of too many topics is refused with the reason, and not left waiting", async () => {
  await using system = start("--max-messages-per-second", "0");
  await using peer = await connectStomp(system.wsUrl("/ws"));
  for (let topic = 0; topic < lastTopicsMax; topic++) peer.send(`/topic/t.${topic}`, "x");
  await peer.sendSafely("/topic/one.more", "x");
  const why = `last for a pattern that more than ${lastTopicsMax} topics match: subscribe to fewer, or with last=N`;
  const poll = await fetch(at(system, "/topics/%23?from=last&wait=20s"));
  expect(await errorOf(poll)).toEqual([400, why]);
  await using events = await listen(system, "/topics/%23?from=last");
  await until(() => events.events.length === 1, "the end was told");
  expect(events.events).toEqual([
    { id: "", event: "close", data: JSON.stringify({ code: 1008, reason: why }) },
  ]);
});

describe("a request by POST to /app", () => {
  test("has the answer as its response, and nobody else hears either", async () => {
    await using system = start();
    await using all = await listen(system, "/topics/%23");
    const response = await post(system, "/app/prices", "what?", { "warren-shade": "dark" });
    expect([response.status, await response.text()]).toEqual([200, "text/plain dark what?"]);
    const page = await post(system, "/app/prices", "page");
    expect(page.headers.get("content-type")).toBe("text/html");
    expect(page.headers.get("warren-shade")).toBe("dark %C3%A9");
    expect(page.headers.get("content-security-policy")).toContain("sandbox");
    expect(await page.text()).toBe("<b>hi</b>");
    await post(system, "/topics/a", "a message");
    await until(() => all.bodies.length > 0, "what is said was heard");
    expect(all.bodies).toEqual(["a message"]);
  });

  test("has an answer also where its content type is none that HTTP could carry, and the manager lives", async () => {
    await using system = start();
    const odd = await post(system, "/app/prices", "odd type");
    expect([odd.status, odd.headers.get("content-type"), await odd.text()]).toEqual([
      200,
      "text/plain; charset=utf-8",
      "here",
    ]);
    expect(odd.headers.get("warren-content-type")).toBe("text/%D0%B6%0Ax: y");
    expect((await post(system, "/app/prices", "what?")).status).toBe(200);
  });

  test("that fails is 502, and one without an answer in its time 504, both with a sentence", async () => {
    await using system = start("--attempts", "1");
    const failed = await errorOf(await post(system, "/app/a", "fail"));
    expect(failed[0]).toBe(502);
    expect(String(failed[1])).not.toContain("1234");
    const late = await errorOf(await post(system, "/app/a", "hang", { "warren-expiration": "300" }));
    expect(late).toEqual([504, "no answer came in time"]);
    expect((await metricsOf(system.url))["warren_http_waiting"]).toBe(0);
  });

  test("whose client goes is not waited for, and when the manager stops it is told", async () => {
    const system = start();
    const abort = new AbortController();
    const ask = (signal?: AbortSignal) =>
      fetch(at(system, "/app/a"), { method: "POST", body: "hang", ...(signal ? { signal } : {}) });
    const gone = ask(abort.signal).catch(() => "gone");
    const waiting = async () => (await metricsOf(system.url))["warren_http_waiting"];
    await until(async () => (await waiting()) === 1, "it waits");
    abort.abort();
    expect(await gone).toBe("gone");
    await until(async () => (await waiting()) === 0, "nobody waits");
    const other = ask();
    await until(async () => (await waiting()) === 1, "another one waits");
    await system[Symbol.asyncDispose]();
    expect((await other).status).toBe(504);
  });
});

describe("with tokens", () => {
  const args = () => ["--auth", "jwt", "--jwt-secret-file", secretFile];
  const guarded = async (...more: string[]) =>
    startSystem(
      [...args(), ...more],
      handler,
      await Auth.open(optionsOf(...args(), ...more), new QuietLogger()),
    );
  const tokenOf = (warren: object, more: object = {}) =>
    hs256(claims({ sub: "anna", warren, ...more }), secret);

  test("a client may do what its token allows, and is known by it", async () => {
    await using system = await guarded();
    const token = await tokenOf({ publish: ["a.#"], subscribe: ["a.#"], app: ["prices"] });
    const bearer = { authorization: `Bearer ${token}` };
    await using events = await listen(system, `/topics/a.*?envelope=json&token=${token}`);
    expect((await post(system, "/topics/a.b", "x", bearer)).status).toBe(200);
    await until(() => events.events.length === 1, "it came");
    expect(JSON.parse(events.events[0]!.data)).toMatchObject({ client: "anna", body: "x" });
    expect((await post(system, "/app/prices", "x", bearer)).status).toBe(200);
    const cases = [
      [await post(system, "/topics/a.b", "x"), 401],
      [await post(system, "/topics/a.b", "x", { authorization: "Bearer no.such.token" }), 401],
      [await post(system, "/topics/b", "x", bearer), 403],
      [await post(system, "/topics/a.b?client=ben", "x", bearer), 403],
      [await post(system, "/app/other", "x", bearer), 403],
      [await fetch(at(system, "/topics/%23"), { headers: bearer }), 403],
      [await fetch(at(system, "/topics/a.b?wait=1s")), 401],
    ] as const;
    for (const [response, status] of cases) expect((await errorOf(response))[0]).toBe(status);
    expect(cases[0][0].headers.get("www-authenticate")).toBe("Bearer");
    const metrics = await metricsOf(system.url);
    expect(metrics['warren_tokens_refused_total{reason="missing"}']).toBe(2);
    expect(metrics['warren_tokens_refused_total{reason="publish"}']).toBe(2);
    expect(metrics['warren_tokens_refused_total{reason="subscribe"}']).toBe(1);
  });

  test("events and polls end when the token does, and say so", async () => {
    await using system = await guarded("--jwt-leeway", "0s");
    const exp = Math.ceil(Date.now() / 1000) + 1;
    const token = await tokenOf({ subscribe: ["#"] }, { exp });
    await using events = await listen(system, `/topics/a?token=${token}`);
    const poll = fetch(at(system, `/topics/a?wait=30s&token=${token}`));
    expect(await within(events.ended, "the end")).toBe("whole");
    expect(JSON.parse(events.events.at(-1)!.data)).toMatchObject({ code: 4401 });
    // To ask again with the same token would be of no use.
    expect(await errorOf(await within(poll, "the poll's answer"))).toEqual([
      401,
      "the token is missing, not valid, or has expired",
    ]);
  });

  test("a request is not answered after the token has ended, and says so", async () => {
    await using system = await guarded("--jwt-leeway", "0s");
    const exp = Math.ceil(Date.now() / 1000) + 1;
    const authorization = `Bearer ${await tokenOf({ app: ["prices"] }, { exp })}`;
    const asked = post(system, "/app/prices", "hang", { authorization });
    expect(await errorOf(await within(asked, "the answer"))).toEqual([
      401,
      "the token is missing, not valid, or has expired",
    ]);
    const metrics = await metricsOf(system.url);
    expect(metrics["warren_http_waiting"]).toBe(0);
    expect(metrics['warren_tokens_refused_total{reason="expired"}']).toBe(1);
  });

  test("what comes so slowly that the token has ended meanwhile is not published", async () => {
    await using system = await guarded("--jwt-leeway", "0s");
    const expiresAtMs = 1000 * (Math.ceil(Date.now() / 1000) + 1);
    const token = await tokenOf({ publish: ["a"] }, { exp: expiresAtMs / 1000 });
    const body = new ReadableStream({
      async start(controller) {
        controller.enqueue(new TextEncoder().encode("begun in time"));
        await until(() => Date.now() > expiresAtMs, "the token has ended");
        controller.close();
      },
    });
    const answer = await post(system, "/topics/a", body, { authorization: `Bearer ${token}` });
    expect((await errorOf(answer))[0]).toBe(401);
    expect((await metricsOf(system.url))["warren_messages_received_total"]).toBe(0);
  });

  /** Flags for a manager on which tokens can be revoked, and what is asked of it. */
  const revoking = () => {
    const adminToken = join(folder, "admin");
    writeFileSync(adminToken, "admin-token-of-the-test\n");
    return ["--admin-port", "0", "--admin-token-file", adminToken];
  };
  const revoke = async ({ manager }: Started) => {
    const asked = { method: "POST", headers: { authorization: "Bearer admin-token-of-the-test" } };
    return await (await fetch(new URL("/api/clients/anna/revoke", manager.adminUrl), asked)).json();
  };
  const shows = async ({ manager }: Started, line: string) =>
    (await (await fetch(new URL("/metrics", manager.adminUrl))).text()).split("\n").includes(line);

  test("a request is not answered after the token was revoked, and says so; one with a newer token is", async () => {
    await using system = await guarded(...revoking());
    const nowS = Math.floor(Date.now() / 1000);
    const may = { publish: ["a"], app: ["prices"] };
    const [old, fresh] = await Promise.all([-10, 100].map((age) => tokenOf(may, { iat: nowS + age })));
    const ask = (token: string | undefined, body: BodyInit) =>
      post(system, "/app/prices", body, { authorization: `Bearer ${token}` });
    const asked = ask(old, "hang");
    const kept = ask(fresh, "hang");
    const begun = Promise.withResolvers<void>();
    const over = Promise.withResolvers<void>();
    const slow = ask(
      old,
      new ReadableStream({
        async start(body) {
          body.enqueue("ha");
          begun.resolve();
          await over.promise;
          body.enqueue("ng");
          body.close();
        },
      }),
    );
    await begun.promise;
    await until(() => shows(system, "warren_http_waiting 2"), "both wait");
    await revoke(system);
    const refused = [401, "the token is missing, not valid, or has expired"];
    expect(await errorOf(await within(asked, "the answer"))).toEqual(refused);
    over.resolve();
    expect(await errorOf(await within(slow, "the answer to what came slowly"))).toEqual(refused);
    expect(await shows(system, "warren_http_waiting 1")).toBe(true);
    expect(await shows(system, 'warren_tokens_refused_total{reason="revoked"} 2')).toBe(true);
    await system[Symbol.asyncDispose]();
    expect((await kept).status).toBe(504);
  });

  test("listening ends when the token is revoked, and goes on with one that was issued after that", async () => {
    await using system = await guarded(...revoking());
    const nowS = Math.floor(Date.now() / 1000);
    const may = { publish: ["a"], subscribe: ["#"] };
    const before = await tokenOf(may, { iat: nowS - 10 });
    const after = await tokenOf(may, { iat: nowS + 100 });
    const poll = (token: string, wait: string) => fetch(at(system, `/topics/a?wait=${wait}&token=${token}`));
    const old = poll(before, "30s");
    await using oldEvents = await listen(system, `/topics/a?token=${before}`);
    await until(() => shows(system, "warren_clients 2"), "both listen");
    expect(await revoke(system)).toMatchObject({ disconnected: 2 });
    expect((await old).status).toBe(503);
    await within(oldEvents.ended, "the end");
    // Those that were about to connect are looked at again a second later.
    await using events = await listen(system, `/topics/a?token=${after}`);
    expect((await poll(before, "1s")).status).toBe(401);
    expect((await post(system, "/topics/a", "x", { authorization: `Bearer ${before}` })).status).toBe(401);
    expect((await poll(after, "1200ms")).status).toBe(204);
    expect((await post(system, "/topics/a", "x", { authorization: `Bearer ${after}` })).status).toBe(200);
    await until(() => events.events.some(({ data }) => data === "x"), "the message");
  });
});

test("pages of an origin that is allowed may do all of it, and read the answers", async () => {
  await using system = start("--allow-origin", "https://app.example");
  const origin = "https://app.example";
  const preflight = await fetch(at(system, "/topics/a"), {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,warren-shade",
    },
  });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get("access-control-allow-origin")).toBe(origin);
  expect(preflight.headers.get("access-control-allow-headers")).toBe("authorization,warren-shade");
  expect(preflight.headers.get("access-control-allow-methods")).toContain("POST");
  const answer = await post(system, "/topics/a", "x", { origin });
  expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([200, origin]);
  expect(answer.headers.get("vary")).toContain("Origin");
  expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
  await using events = await listen(system, "/topics/a", { origin, "sec-fetch-site": "cross-site" });
  expect(events.response.headers.get("access-control-allow-origin")).toBe(origin);
  const other = await fetch(at(system, "/topics/a"), {
    method: "OPTIONS",
    headers: { origin: "https://other.example" },
  });
  expect([other.status, other.headers.get("access-control-allow-origin")]).toEqual([403, null]);
});

describe("a body that comes slowly", () => {
  test("is counted while it is read, given up in its time, and takes no room from others for ever", async () => {
    await using system = start("--message-timeout", "1s", "--clients-memory-bytes", "8MiB");
    const { url } = system;
    const answers: string[] = [];
    const begun = `POST /topics/a HTTP/1.1\r\nHost: ${url.host}\r\nContent-Length: 900000\r\n\r\n${"x".repeat(899_000)}`;
    const sockets = Array.from({ length: 4 }, (_, index) => {
      answers[index] = "";
      const socket = connectTcp(Number(url.port), url.hostname);
      socket.setEncoding("latin1");
      socket.on("data", (text) => {
        answers[index] = `${answers[index]}${text}`;
      });
      socket.on("error", () => undefined);
      socket.write(begun);
      return socket;
    });
    await until(
      async () => (await metricsOf(url))["warren_clients_kept_bytes"]! >= 1_700_000,
      "what is read counts",
    );
    await until(() => answers.every((answer) => / (?:408|503) /.test(answer)), "all are answered");
    // A quarter of the memory has room for two of them.
    expect(answers.filter((answer) => answer.includes(" 408 "))).toHaveLength(2);
    for (const socket of sockets) socket.destroy();
    expect((await post(system, "/topics/a", "x".repeat(900_000))).status).toBe(200);
  });
});

describe("a client that does not read", () => {
  /** Without chunks, and read only when told to. */
  async function unreading({ url }: Started, path: string) {
    let text = "";
    let isReading = false;
    const ended = Promise.withResolvers<void>();
    const socket = await Bun.connect({
      hostname: url.hostname,
      port: Number(url.port),
      socket: {
        data(self, bytes) {
          text += Buffer.from(bytes).toString("latin1");
          if (!isReading) self.pause();
        },
        close: () => ended.resolve(),
        error: () => ended.resolve(),
      },
    });
    socket.write(`GET ${path} HTTP/1.0\r\nHost: ${url.host}\r\nAccept: text/event-stream\r\n\r\n`);
    return {
      get text() {
        return text;
      },
      read() {
        isReading = true;
        socket.resume();
      },
      ended: ended.promise,
      [Symbol.dispose]: () => void socket.terminate(),
    };
  }

  test("leaves the log's end, is read to from the log when it reads, and loses nothing", async () => {
    await using system = start("--ping-interval", "10m");
    using slow = await unreading(system, "/topics/a");
    await until(async () => (await clientsOf(system)) === 1, "it is connected");
    const filler = "x".repeat(200_000);
    const count = 100;
    for (let index = 0; index < count; index++) await post(system, "/topics/a", `${index} ${filler}`);
    await until(
      async () => (await metricsOf(system.url))["warren_durable_subscriptions_parked"] === 1,
      "it is not written to",
    );
    expect((await metricsOf(system.url))["warren_backlog_bytes"]).toBeLessThan(2 * 1024 ** 2);
    slow.read();
    await until(() => slow.text.includes(`data: ${count - 1} x`), "all came", 30_000);
    const numbers = [...slow.text.matchAll(/data: (\d+) x/g)].map(([, number]) => Number(number));
    expect(numbers).toEqual(Array.from({ length: count }, (_, index) => index));
    expect(slow.text).not.toContain("event: gap");
  });

  test("is disconnected when it has taken nothing for some pings", async () => {
    await using system = start("--ping-interval", "1s");
    using slow = await unreading(system, "/topics/a");
    await until(async () => (await clientsOf(system)) === 1, "it is connected");
    await using quick = await listen(system, "/topics/b");
    const filler = "x".repeat(200_000);
    for (let index = 0; index < 60; index++) await post(system, "/topics/a", filler);
    await until(
      async () => (await metricsOf(system.url))["warren_clients_vanished_total"] === 1,
      "it is taken for gone",
      20_000,
    );
    expect(await clientsOf(system)).toBe(1);
    await post(system, "/topics/b", "still here");
    await until(() => quick.bodies.length === 1, "others are served");
    slow.read();
    await within(slow.ended, "the end");
  });
});
