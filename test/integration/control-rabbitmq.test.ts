import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectAmqp } from "amqplib";
import { openApi } from "../../src/control/open-api.ts";
import { connect } from "../support/client.ts";
import { sharedRabbitmq } from "../support/rabbitmq.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";
import { startWarren, type WarrenProcess } from "../support/warren.ts";
import { claims, hs256, nowS } from "../unit/gateway/auth/signing.ts";

setDefaultTimeout(integrationTimeoutMs);

const folder = mkdtempSync(join(tmpdir(), "warren-control-"));
const tokenFile = join(folder, "token");
const token = "a-token-that-is-long-enough";
writeFileSync(tokenFile, `${token}\n`);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const flags = ["--admin-port", "0", "--admin-token-file", tokenFile];

/** The control API of one process. */
function apiOf(warren: WarrenProcess) {
  return async (method: string, path: string, body?: string, headers: Record<string, string> = {}) => {
    const response = await fetch(new URL(path, warren.adminUrl), {
      method,
      ...(body === undefined ? {} : { body }),
      headers: { authorization: `Bearer ${token}`, ...headers },
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? {} : JSON.parse(text) };
  };
}

const secret = "a secret of more than thirty-two bytes";
const secretFile = join(folder, "secret");
writeFileSync(secretFile, secret);
const guarded = ["--auth", "jwt", "--jwt-secret-file", secretFile];
const tokenFor = (sub: string, more: object) => hs256(claims({ sub, ...more }), secret);

/** What a handshake with a client's token is answered: `101`, or why it is refused. */
async function answerTo(warren: WarrenProcess, clientToken: string): Promise<string> {
  const response = await fetch(wsOf(warren, `?topic=t&token=${clientToken}`).replace(/^ws/, "http"), {
    headers: {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    },
  });
  return response.status === 101 ? "101" : await response.text();
}

const wsOf = (warren: WarrenProcess, path: string) => `${warren.url.replace("http", "ws")}ws${path}`;

describe("The control API of a system in one process", () => {
  test("answers only requests with the token, by method, and says which methods it takes", async () => {
    await using warren = await startWarren(flags);
    const api = apiOf(warren);
    for (const authorization of ["", "Bearer wrong", `Basic ${token}`, `Bearer ${token}x`])
      expect((await api("GET", "/api/managers", undefined, { authorization })).status).toBe(401);
    expect((await api("DELETE", "/api/managers")).status).toBe(405);
    const described = (await api("GET", "/api/openapi.json")).body;
    expect(described).toEqual(JSON.parse(JSON.stringify(openApi)));
    for (const [path, methods] of Object.entries(openApi.paths)) {
      const known = Object.keys(methods).map((method) => method.toUpperCase());
      for (const method of ["GET", "POST", "PUT", "DELETE"]) {
        const { status } =
          path === "/api/drain" && method === "POST"
            ? { status: 202 }
            : await api(method, path.replace("{id}", "nobody"), method === "GET" ? undefined : "");
        expect([path, method, status !== 405]).toEqual([path, method, known.includes(method)]);
      }
    }
    const metrics = await fetch(new URL("/metrics", warren.adminUrl));
    expect(await metrics.text()).toContain("warren_api_refused_total 4");
  });

  test("names clients, sends to them, disconnects them, and changes the log level", async () => {
    await using warren = await startWarren(flags);
    const api = apiOf(warren);
    await using anna = await connect(wsOf(warren, "/anna?topic=a.b"));
    await using ben = await connect(wsOf(warren, "/ben?topic=a.b"));
    await until(async () => (await api("GET", "/api/clients")).body.clients.length === 2, "both are seen");
    expect((await api("GET", "/api/clients?limit=1")).body).toMatchObject({
      clients: [{ client: "anna", protocol: "text", topics: ["a.b"] }],
      next: "anna",
    });
    expect((await api("GET", "/api/clients?limit=1&after=anna")).body.clients[0].client).toBe("ben");
    expect((await api("GET", "/api/clients?limit=0")).status).toBe(400);
    expect((await api("GET", "/api/topics")).body.topics).toEqual([{ topic: "a.b", subscribers: 2 }]);
    expect((await api("POST", "/api/publish?topic=a.b", "to all")).body).toEqual({ confirmed: true });
    expect(await anna.next()).toBe("to all");
    expect(await ben.next()).toBe("to all");
    expect((await api("POST", "/api/clients/ben/send", "to ben")).body).toEqual({ confirmed: true });
    expect(await ben.next()).toBe("to ben");
    expect((await api("POST", "/api/publish?topic=a.*", "x")).status).toBe(400);
    expect((await api("POST", "/api/publish", "x")).status).toBe(400);
    expect((await api("POST", "/api/publish?topic=a", "x".repeat(3 * 1024 ** 2))).status).toBe(413);
    expect((await api("POST", "/api/clients/nobody/send", "x")).status).toBe(404);
    expect((await api("DELETE", "/api/clients/nobody")).status).toBe(404);
    expect((await api("DELETE", "/api/clients/ben")).body.disconnected).toBe(1);
    expect((await ben.closed).code).toBe(4410);
    expect((await api("GET", "/api/clients/ben")).status).toBe(404);
    const keyed = (body: string) => api("POST", "/api/publish?topic=a.b", body, { "idempotency-key": "k1" });
    expect([
      (await keyed("once")).status,
      (await keyed("once")).status,
      (await keyed("other")).status,
    ]).toEqual([200, 200, 409]);
    expect((await api("POST", "/api/clients/anna/revoke")).body.error).toContain(
      "clients need no tokens here",
    );
    expect((await api("POST", "/api/publish?topic=a.b", "end")).status).toBe(200);
    await until(() => anna.received.includes("end"), "what was published");
    expect((await api("PUT", "/api/log-level", '{"level": "debug"}')).body).toEqual({ level: "debug" });
    expect((await api("GET", "/api/log-level")).body).toEqual({ level: "debug" });
    expect((await api("PUT", "/api/log-level", "loud")).status).toBe(400);
    expect(anna.received).toEqual(["to all", "once", "end"]);
  });

  test("has clients leave one after another before it stops", async () => {
    await using warren = await startWarren(flags);
    const api = apiOf(warren);
    const clients = await Promise.all(Array.from({ length: 30 }, () => connect(wsOf(warren, "?topic=t"))));
    expect((await api("POST", "/api/drain?over=soon")).status).toBe(400);
    const startedAt = performance.now();
    expect((await api("POST", "/api/drain?over=2s")).status).toBe(202);
    const lefts = await Promise.all(
      clients.map(async ({ closed }) => [(await closed).code, performance.now() - startedAt] as const),
    );
    expect(new Set(lefts.map(([code]) => code))).toEqual(new Set([1012]));
    // Not all at once: the last one went much later than the first.
    const times = lefts.map(([, ms]) => ms).sort((one, other) => one - other);
    expect(times.at(-1)! - times[0]!).toBeGreaterThan(1000);
    expect(await warren.exited).toBe(0);
  });
});

describe("The control API of several managers", () => {
  test("revokes a client's tokens on all of them, also after all were killed and started again", async () => {
    const url = await (await sharedRabbitmq()).vhost();
    const args = ["--role", "manager", "--broker", url, ...guarded];
    const old = tokenFor("anna", { iat: nowS() - 10 });
    const withoutIat = tokenFor("anna", {});
    const others = tokenFor("ben", {});
    const fresh = tokenFor("anna", { iat: nowS() + 3600 });
    const check = async (warrens: readonly WarrenProcess[]) => {
      for (const warren of warrens) {
        expect(await answerTo(warren, old)).toContain("the token was revoked");
        expect(await answerTo(warren, withoutIat)).toContain("does not say when it was issued (iat)");
        for (const good of [others, fresh]) {
          await using _client = await connect(wsOf(warren, `?topic=elsewhere&token=${good}`));
        }
      }
    };
    {
      await using one = await startWarren([...args, ...flags]);
      await using two = await startWarren(args, { readyWhen: "ready" });
      const api = apiOf(one);
      await until(
        async () => (await api("GET", "/api/managers")).body.managers.length === 2,
        "both are known",
      );
      await using anna = await connect(wsOf(two, `?topic=t&token=${old}`));
      await using stays = await connect(wsOf(two, `?topic=t&token=${others}`));
      for (const wrong of ["soon", "91d", "0s"])
        expect((await api("POST", `/api/clients/anna/revoke?for=${wrong}`)).status).toBe(400);
      const revoked = await api("POST", "/api/clients/anna/revoke?for=12h");
      expect(revoked).toMatchObject({ status: 200, body: { client: "anna", disconnected: 1, missing: [] } });
      expect((await anna.closed).code).toBe(4410);
      await check([one, two]);
      expect((await api("POST", "/api/publish?topic=t", "still")).status).toBe(200);
      expect(await stays.next()).toBe("still");
      for (const { pid } of [one, two]) process.kill(pid, "SIGKILL");
      await Promise.all([one.exited, two.exited]);
    }
    await using again = await startWarren(args);
    await check([again]);
  });

  test("speaks for all of them, and obeys commands that come over RabbitMQ", async () => {
    const url = await (await sharedRabbitmq()).vhost();
    const args = ["--role", "manager", "--broker", url];
    await using one = await startWarren([...args, ...flags]);
    await using two = await startWarren(args, { readyWhen: "ready" });
    const api = apiOf(one);
    await until(async () => (await api("GET", "/api/managers")).body.managers.length === 2, "both are known");
    await using anna = await connect(wsOf(two, "/anna?topic=t"));
    await using ben = await connect(wsOf(two, "/ben?topic=t"));
    expect((await api("GET", "/api/clients/anna")).body.connections).toHaveLength(1);
    expect((await api("POST", "/api/clients/anna/send", "hello")).body).toEqual({ confirmed: true });
    expect(await anna.next()).toBe("hello");
    expect((await api("DELETE", "/api/clients/anna")).body).toMatchObject({ disconnected: 1, missing: [] });
    expect((await anna.closed).code).toBe(4410);
    const connection = await connectAmqp(url);
    try {
      const channel = await connection.createChannel();
      const { queue } = await channel.assertQueue("", { exclusive: true });
      const answers: unknown[] = [];
      await channel.consume(
        queue,
        (answer) => void (answer && answers.push(JSON.parse(answer.content.toString()))),
        {
          noAck: true,
        },
      );
      const say = (body: string) =>
        channel.publish("wsmanager.control", "", Buffer.from(body), { replyTo: queue, correlationId: "1" });
      for (const nonsense of [
        "{",
        "7",
        '{"version":2,"do":"managers"}',
        '{"version":1,"do":"dance"}',
        "x".repeat(10 ** 6),
      ])
        say(nonsense);
      say('{"version":1,"do":"disconnect","client":"ben"}');
      expect((await ben.closed).code).toBe(4410);
      await until(() => answers.length === 2, "an answer of each manager");
      expect(answers.map((answer) => (answer as { disconnected: number }).disconnected).sort()).toEqual([
        0, 1,
      ]);
      const { managers } = (await api("GET", "/api/managers")).body as { managers: { manager: string }[] };
      const ids = managers.map(({ manager }) => manager);
      const idOfTwo = `manager-${two.log.find(({ msg }) => msg === "listening")!["id"]}`;
      expect(ids).toContain(idOfTwo);
      answers.length = 0;
      say('{"version":1,"do":"drain"}');
      say(`{"version":1,"do":"drain","manager":"${idOfTwo}","overMs":100}`);
      expect(await two.exited).toBe(0);
      expect(answers).toEqual([{ manager: idOfTwo, drainingMs: 100 }]);
      expect((await api("GET", "/api/managers")).status).toBe(200);
    } finally {
      await connection.close();
    }
    expect(two.log.filter(({ msg }) => msg.startsWith("a command on wsmanager.control"))).not.toEqual([]);
  });
});
