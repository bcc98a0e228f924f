import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Auth } from "../../src/gateway/auth/auth.ts";
import type { Handler } from "../../src/processor/handler.ts";
import { connect } from "../support/client.ts";
import { connectStomp, StompPeer } from "../support/stomp-client.ts";
import { optionsOf, QuietLogger, startSystem } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until, untilCount } from "../support/wait.ts";
import { claims, hs256, nowS } from "../unit/gateway/auth/signing.ts";

setDefaultTimeout(integrationTimeoutMs);

const secret = "a secret of more than thirty-two bytes";
const folder = mkdtempSync(join(tmpdir(), "warren-auth-"));
const secretFile = join(folder, "secret");

beforeAll(() => writeFileSync(secretFile, `${secret}\n`));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const silent: Handler = () => undefined;

/** Warren with `--auth jwt` and this secret. */
async function startGuarded(handler = silent, ...more: string[]) {
  const args = ["--auth", "jwt", "--jwt-secret-file", secretFile, ...more];
  const auth = await Auth.open(optionsOf(...args), new QuietLogger());
  const system = startSystem(args, handler, auth);
  return {
    ...system,
    metrics: async () => await (await fetch(new URL("/metrics", system.url))).text(),
    async refused(reason: string): Promise<number> {
      const text = await this.metrics();
      return Number(
        new RegExp(`^warren_tokens_refused_total{reason="${reason}"} (\\d+)$`, "m").exec(text)?.[1],
      );
    },
  };
}

/** Signed as it has to be. */
const tokenOf = (sub: string, more: Record<string, unknown> = {}) => hs256(claims({ sub, ...more }), secret);
const rights = (publish: string[], subscribe: string[]) => ({ warren: { publish, subscribe } });
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

/** What a handshake is answered that is refused. */
async function answerTo(url: string, headers: Record<string, string> = {}): Promise<Response> {
  return await fetch(url.replace(/^ws/, "http"), {
    headers: {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      ...headers,
    },
  });
}

describe("a request to an app", () => {
  const asks = { warren: { app: ["prices"] } };

  test("is allowed by the token's app, in STOMP and in plain text, and not by the right to publish", async () => {
    await using system = await startGuarded(({ text, clientId }) => `${clientId}: ${text}`);
    await using plain = await connect(system.wsUrl("/ws?app=prices"), bearer(tokenOf("anna", asks)));
    plain.send("hello");
    expect(await plain.next()).toBe("anna: hello");
    const answers: string[] = [];
    await using stomp = await connectStomp(system.wsUrl(`/ws?token=${tokenOf("anna", asks)}`), {
      onUnhandledMessage: ({ body }) => void answers.push(body),
    });
    stomp.send("/app/prices", "how much?", { "reply-to": "/temp-queue/x" });
    await until(() => answers.length > 0, "the answer");
    expect(answers).toEqual(["anna: how much?"]);
    stomp.send("/app/orders", "one", { "reply-to": "/temp-queue/x" });
    expect((await stomp.failed).headers["message"]).toInclude('send to "/app/orders"');
    expect(await stomp.closed).toBe(4403);
    const publishes = tokenOf("ben", rights(["#"], ["#"]));
    expect((await answerTo(system.wsUrl(`/ws?app=prices&token=${publishes}`))).status).toBe(403);
  });
});

describe("a handshake", () => {
  test("with a token in Authorization or in the query is let in, and its client id is the token's sub", async () => {
    await using system = await startGuarded(({ clientId }) => clientId);
    for (const [path, options] of [
      ["/ws", bearer(tokenOf("anna"))],
      [`/ws?token=${tokenOf("anna")}`, {}],
      ["/ws/anna", bearer(tokenOf("anna"))],
      [`/ws/?topic=a&token=${tokenOf("anna")}`, {}],
    ] as const) {
      await using anna = await connect(system.wsUrl(path), options);
      anna.send("who am I?");
      expect(await anna.next()).toBe("anna");
    }
  });

  test("of STOMP with a token needs none in CONNECT", async () => {
    await using system = await startGuarded();
    const frame = async (url: string, passcode?: string) => {
      const config = passcode === undefined ? {} : { connectHeaders: { login: "guest", passcode } };
      await using peer = await connectStomp(url, config);
      return (await peer.connected).headers["client-id"];
    };
    expect(await frame(system.wsUrl(`/ws?token=${tokenOf("anna")}`))).toBe("anna");
    // Clients that always send one are not refused for it.
    expect(await frame(system.wsUrl(`/ws?token=${tokenOf("anna")}`), "guest")).toBe("anna");
  });

  test.each([
    [401, "missing", "?topic=a", {}, "a token is needed"],
    [401, "missing", "?token=", {}, "the token is empty"],
    [401, "malformed", "?token=x", {}, "not a signed JSON Web Token"],
    [401, "malformed", "", { authorization: "Bearer a b" }, "Authorization has to be: Bearer TOKEN"],
    // Of a proxy in front, not ours to judge.
    [401, "missing", "?topic=a", { authorization: "Basic YTpi" }, "a token is needed"],
    [401, "signature", `?token=${hs256(claims(), "another secret")}`, {}, "signature"],
    [401, "expired", `?token=${tokenOf("anna", { exp: nowS() - 60 })}`, {}, "has expired"],
    [401, "ambiguous", `?token=${tokenOf("anna")}&token=${tokenOf("ben")}`, {}, "more than one token"],
    [401, "subject", `?token=${tokenOf("a\nb")}`, {}, "sub"],
    [
      403,
      "clientId",
      `/ben?token=${tokenOf("anna")}`,
      {},
      "the client id in the path is not the token's sub",
    ],
    [
      403,
      "subscribe",
      `?topic=b&token=${tokenOf("anna", { warren: undefined })}`,
      {},
      'has no claim "warren"',
    ],
    [403, "subscribe", `?topic=b&token=${tokenOf("anna", rights(["a"], ["a"]))}`, {}, "allows neither"],
  ])("is refused with %i for %s, counted, and told why", async (status, reason, path, headers, why) => {
    await using system = await startGuarded();
    const answer = await answerTo(system.wsUrl(`/ws${path}`), headers as Record<string, string>);
    expect(answer.status).toBe(status);
    expect(await answer.text()).toInclude(why);
    expect(answer.headers.get("www-authenticate")).toBe(status === 401 ? "Bearer" : null);
    expect(await system.refused(reason)).toBe(1);
    expect(await system.metrics()).toMatch(/^warren_clients 0$[\s\S]*^warren_topics 0$/m);
  });

  test("may have a proxy's Basic in Authorization, beside the token in the query or in CONNECT", async () => {
    await using system = await startGuarded();
    const basic = { headers: { authorization: "Basic YTpi" } };
    await using anna = await connect(system.wsUrl(`/ws?token=${tokenOf("anna")}`), basic);
    anna.send("hello");
    const webSocketFactory = () =>
      new WebSocket(system.wsUrl("/ws"), { protocols: ["v12.stomp"], ...basic } as unknown as string[]);
    await using ben = await connectStomp("", {
      webSocketFactory,
      connectHeaders: { passcode: tokenOf("ben") },
    });
    expect((await ben.connected).headers["client-id"]).toBe("ben");
  });

  test("needs a token no less for an id with a percent sign in it", async () => {
    await using system = await startGuarded();
    const sub = "a/b ä%";
    await using client = await connect(system.wsUrl(`/ws/${encodeURIComponent(sub)}`), bearer(tokenOf(sub)));
    client.send("x");
    expect((await answerTo(system.wsUrl("/ws/%61nna"), bearer(tokenOf("ben")).headers)).status).toBe(403);
    expect((await answerTo(system.wsUrl("/ws/%61nna"), bearer(tokenOf("anna")).headers)).status).toBe(101);
  });

  test("whose client has gone while its token was checked leaves nothing behind", async () => {
    await using system = await startGuarded();
    const { host, hostname, port } = system.url;
    const request = [
      "GET /ws?topic=a HTTP/1.1",
      `Host: ${host}`,
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version: 13",
      `Authorization: Bearer ${tokenOf("anna")}`,
      "\r\n",
    ].join("\r\n");
    for (let count = 0; count < 100; count++) {
      const socket = await Bun.connect({ hostname, port: Number(port), socket: { data: () => undefined } });
      socket.write(request);
      socket.terminate();
    }
    await using anna = await connect(system.wsUrl("/ws?topic=b"), bearer(tokenOf("anna")));
    anna.send("x");
    await until(async () => {
      const text = await system.metrics();
      return text.includes("warren_clients 1\n") && text.includes("warren_topics 1\n");
    }, "all others are gone");
  });

  test("is let in without a token where none is asked for", async () => {
    await using system = startSystem([], silent);
    await using anna = await connect(system.wsUrl("/ws/anna?token=x"), bearer("y"));
    anna.send("hello");
  });
});

describe("a client that asks for no subprotocol and has no right to speak plain text", () => {
  const bare = (url: string) => () => new WebSocket(url);

  test("is a STOMP client if it begins with CONNECT and brings a token there", async () => {
    await using system = await startGuarded();
    for (const path of ["/ws", "/ws/anna"]) {
      const webSocketFactory = bare(system.wsUrl(path));
      await using peer = await connectStomp("", {
        webSocketFactory,
        connectHeaders: { passcode: tokenOf("anna") },
      });
      expect((await peer.connected).headers["client-id"]).toBe("anna");
    }
  });

  test("is a STOMP client with the rights of its handshake's token, which need not have broadcast among them", async () => {
    await using system = await startGuarded();
    const token = tokenOf("anna", rights(["colour.*"], ["colour.*"]));
    await using peer = await connectStomp("", { webSocketFactory: bare(system.wsUrl(`/ws?token=${token}`)) });
    const received = await peer.subscribe("/topic/colour.red");
    peer.send("/topic/colour.red", "crimson");
    await until(() => received.length === 1, "its own message");
    expect((await peer.connected).headers["client-id"]).toBe("anna");
  });

  test.each([
    ["no token", "/ws", {}, "missing"],
    ["another's token", "/ws/ben", { passcode: tokenOf("anna") }, "clientId"],
    ["a bad token", "/ws", { passcode: "x" }, "malformed"],
  ])("is refused if CONNECT brings %s", async (_, path, connectHeaders, reason) => {
    await using system = await startGuarded();
    const peer = new StompPeer("", { webSocketFactory: bare(system.wsUrl(path)), connectHeaders });
    peer.connected.catch(() => undefined);
    expect(await peer.closed).toBe(reason === "clientId" ? 4403 : 4401);
    expect(await system.refused(reason)).toBe(1);
    await peer[Symbol.asyncDispose]();
  });

  test("is closed at its first message of another kind, which nobody hears, nor does it hear anything", async () => {
    await using system = await startGuarded();
    await using ben = await connect(system.wsUrl("/ws"), bearer(tokenOf("ben")));
    await using stranger = await connect(system.wsUrl("/ws/ben"));
    await using mute = await connect(
      system.wsUrl("/ws"),
      bearer(tokenOf("carol", rights(["colour.*"], ["colour.*"]))),
    );
    ben.send("secret");
    stranger.send("SEND\ndestination:/broadcast\n\nintrusion\0");
    mute.send("intrusion");
    expect(await stranger.closed).toEqual({
      code: 4401,
      reason: expect.stringContaining("a token is needed"),
    });
    expect(await mute.closed).toEqual({ code: 4403, reason: expect.stringContaining("allows neither") });
    expect([ben.received, stranger.received, mute.received]).toEqual([[], [], []]);
    expect(await system.metrics()).toMatch(/^warren_clients 1$/m);
  });

  test("is closed when it says nothing for --handshake-timeout", async () => {
    await using system = await startGuarded(silent, "--handshake-timeout", "1s");
    await using stranger = await connect(system.wsUrl("/ws"));
    expect((await stranger.closed).code).toBe(4401);
  });
});

describe("clients that have shown no token", () => {
  test("take a quarter of the seats at most, and one each again when they have shown it", async () => {
    await using system = await startGuarded(silent, "--max-clients", "8");
    const stomp = { protocols: ["v12.stomp"] };
    await using first = await connect(system.wsUrl("/ws"), stomp);
    await using _second = await connect(system.wsUrl("/ws"));
    const refused = await answerTo(system.wsUrl("/ws"), { "sec-websocket-protocol": "v12.stomp" });
    expect([refused.status, await refused.text()]).toEqual([503, expect.stringContaining("no token yet")]);
    await using _anna = await connect(system.wsUrl("/ws"), bearer(tokenOf("anna")));
    first.send(`CONNECT\naccept-version:1.2\npasscode:${tokenOf("ben")}\n\n\0`);
    expect(await first.next()).toStartWith("CONNECTED");
    await using _third = await connect(system.wsUrl("/ws"), stomp);
    expect((await answerTo(system.wsUrl("/ws"))).status).toBe(503);
  });
});

describe("a plain-text client", () => {
  test("that may only subscribe hears, and is closed with 4403 when it sends", async () => {
    await using system = await startGuarded();
    await using ear = await connect(system.wsUrl("/ws?topic=a"), bearer(tokenOf("ear", rights([], ["a"]))));
    await using other = await connect(system.wsUrl("/ws?topic=a"), bearer(tokenOf("other")));
    other.send("to the ear");
    expect(await ear.next()).toBe("to the ear");
    ear.send("back");
    expect(await ear.closed).toEqual({
      code: 4403,
      reason: "the token does not allow to publish to this topic",
    });
    other.send("still here");
    expect(other.received).toEqual([]);
    expect(await system.refused("publish")).toBe(1);
    expect(await system.metrics()).toInclude("warren_messages_received_total 2\n");
  });

  test("that may only publish speaks, and hears what is addressed to it alone", async () => {
    await using system = await startGuarded(({ text }) =>
      text === "hello" ? { to: "sender", body: "for you" } : [],
    );
    await using mouth = await connect(
      system.wsUrl("/ws?topic=a"),
      bearer(tokenOf("mouth", rights(["a"], []))),
    );
    await using other = await connect(system.wsUrl("/ws?topic=a"), bearer(tokenOf("other")));
    other.send("for all");
    mouth.send("hello");
    expect(await other.next()).toBe("hello");
    expect(await mouth.next()).toBe("for you");
    expect(mouth.received).toEqual(["for you"]);
    expect(await system.metrics()).toInclude("warren_deliveries_total 2\n");
  });

  test("on broadcast needs a pattern that has it", async () => {
    await using system = await startGuarded();
    const oneWord = bearer(tokenOf("a", rights(["*"], ["*"]))).headers;
    expect((await answerTo(system.wsUrl("/ws?topic="), oneWord)).status).toBe(403);
    await using all = await connect(system.wsUrl("/ws"), bearer(tokenOf("a", rights([], ["#"]))));
    await using exactly = await connect(system.wsUrl("/ws"), bearer(tokenOf("b", rights([""], [""]))));
    exactly.send("to all");
    expect(await all.next()).toBe("to all");
  });

  test("is closed with 4401 when its token ends, and others are not", async () => {
    await using system = await startGuarded();
    // A token is good for five seconds more, since clocks differ.
    await using brief = await connect(system.wsUrl("/ws"), bearer(tokenOf("brief", { exp: nowS() - 3 })));
    await using other = await connect(system.wsUrl("/ws"), bearer(tokenOf("other")));
    brief.send("before");
    expect(await other.next()).toBe("before");
    expect((await brief.closed).code).toBe(4401);
    other.send("after");
    expect(await system.refused("expired")).toBe(1);
    expect(await system.metrics()).toInclude("warren_clients 1\n");
  });
});

test("what is addressed to one user reaches nobody else, not even who asks for the same id and has yet to show a token", async () => {
  await using system = await startGuarded(() => ({ to: "sender", body: "secret" }));
  await using lurker = await connect(system.wsUrl("/ws/anna"), { protocols: ["v12.stomp"] });
  await using liar = new StompPeer(system.wsUrl("/ws/anna"), {
    connectHeaders: { passcode: tokenOf("ben") },
  });
  liar.connected.catch(() => undefined);
  expect((await liar.failed).headers["message"]).toInclude("not the token's sub");
  expect(await liar.closed).toBe(4403);
  await using anna = await connect(system.wsUrl("/ws"), bearer(tokenOf("anna")));
  await using ben = await connect(system.wsUrl("/ws"), bearer(tokenOf("ben")));
  await using stompAnna = await connectStomp(system.wsUrl("/ws"), {
    connectHeaders: { passcode: tokenOf("anna") },
  });
  const direct = await stompAnna.subscribe("/direct");
  anna.send("x");
  expect(await anna.next()).toBe("secret");
  await until(() => direct.length === 1, "the other session of the same user has it too");
  await stompAnna.subscribe("/topic/end");
  expect(ben.received).toEqual(["x"]);
  expect(lurker.received).toEqual([]);
});

const frame = (command: string, headers: Record<string, string>, body = "") =>
  [command, ...Object.entries(headers).map(([name, value]) => `${name}:${value}`), "", `${body}\0`].join(
    "\n",
  );

describe("a STOMP session", () => {
  const open = (system: { wsUrl(path: string): string }, token: string) =>
    connectStomp(system.wsUrl("/ws"), { connectHeaders: { login: "anyone", passcode: token } });

  test("has its token as the passcode of CONNECT, and its sub as the client id", async () => {
    await using system = await startGuarded();
    await using anna = await open(system, tokenOf("anna"));
    expect((await anna.connected).headers["client-id"]).toBe("anna");
  });

  test.each([
    ["missing", undefined, 4401],
    ["missing", "", 4401],
    ["malformed", "guest", 4401],
    ["signature", hs256(claims(), "another secret"), 4401],
    ["expired", tokenOf("anna", { exp: nowS() - 60 }), 4401],
    ["subject", hs256(claims({ sub: undefined }), secret), 4401],
    ["claim", tokenOf("anna", { warren: "all" }), 4401],
  ])("is told with an ERROR why its token is not accepted: %s", async (reason, passcode, code) => {
    await using system = await startGuarded();
    const connectHeaders: Record<string, string> = passcode === undefined ? {} : { passcode };
    await using peer = new StompPeer(system.wsUrl("/ws"), { connectHeaders });
    peer.connected.catch(() => undefined);
    const { headers } = await peer.failed;
    expect(headers["message"]).toMatch(/[Tt]oken/);
    if (passcode) expect(headers["message"]).not.toInclude(passcode);
    expect(await peer.closed).toBe(code);
    expect(await system.refused(reason)).toBe(1);
  });

  test("that shows no token in time is closed, whatever else it sends", async () => {
    await using system = await startGuarded(silent, "--handshake-timeout", "1s");
    await using mute = await connect(system.wsUrl("/ws"), { protocols: ["v12.stomp"] });
    await using beating = await connect(system.wsUrl("/ws"), { protocols: ["v12.stomp"] });
    const beats = setInterval(() => beating.send("\n"), 100);
    try {
      expect((await mute.closed).code).toBe(4408);
      expect((await beating.closed).code).toBe(4408);
    } finally {
      clearInterval(beats);
    }
    await using early = await connect(system.wsUrl("/ws"), { protocols: ["v12.stomp"] });
    early.send(frame("SUBSCRIBE", { id: "1", destination: "/topic/#" }));
    expect((await early.closed).code).toBe(1002);
  });

  test("may do nothing before its CONNECT was checked, and what came meanwhile is done in order then", async () => {
    await using system = await startGuarded();
    await using ear = await connect(system.wsUrl("/ws?topic=a"), bearer(tokenOf("ear")));
    await using peer = await connect(system.wsUrl("/ws"), { protocols: ["v12.stomp"] });
    const sends = Array.from({ length: 50 }, (_, index) =>
      frame("SEND", { destination: "/topic/a" }, `${index}`),
    );
    peer.send(
      frame("CONNECT", { "accept-version": "1.2", passcode: tokenOf("anna") }) + sends.slice(0, 20).join(""),
    );
    for (const send of sends.slice(20)) peer.send(send);
    peer.send(frame("DISCONNECT", { receipt: "end" }));
    expect((await peer.closed).code).toBe(1000);
    expect(peer.received.map((each) => String(each).split("\n")[0])).toEqual(["CONNECTED", "RECEIPT"]);
    await untilCount(() => ear.received.length, 50, "all came");
    expect(ear.received).toEqual(Array.from({ length: 50 }, (_, index) => `${index}`));
  });

  test("whose token is refused has nothing done that it sent behind it", async () => {
    await using system = await startGuarded();
    await using ear = await connect(system.wsUrl("/ws?topic=a"), bearer(tokenOf("ear")));
    await using peer = await connect(system.wsUrl("/ws"), { protocols: ["v12.stomp"] });
    const connectFrame = frame("CONNECT", { "accept-version": "1.2", passcode: hs256(claims(), "another") });
    peer.send(connectFrame + frame("SEND", { destination: "/topic/a" }, "smuggled"));
    expect((await peer.closed).code).toBe(4401);
    await using other = await connect(system.wsUrl("/ws?topic=a"), bearer(tokenOf("other")));
    other.send("honest");
    expect(await ear.next()).toBe("honest");
  });

  test("publishes to the topics that its token allows, and is closed with 4403 at another", async () => {
    await using system = await startGuarded();
    await using ear = await open(system, tokenOf("ear"));
    const heard = await ear.subscribe("/topic/#");
    await using anna = await open(system, tokenOf("anna", rights(["colour.*"], [])));
    await anna.sendSafely("/topic/colour.red", "1");
    await anna.sendSafely("/topic/colour.blue", "2");
    anna.send("/topic/colour", "3", { receipt: "no" });
    const { headers } = await anna.failed;
    expect(headers).toMatchObject({
      message: 'the token does not allow to publish to "colour"',
      "receipt-id": "no",
    });
    expect(await anna.closed).toBe(4403);
    expect(heard.map(({ body }) => body)).toEqual(["1", "2"]);
    expect(await system.refused("publish")).toBe(1);
  });

  test("does not publish in a transaction what it may not publish", async () => {
    await using system = await startGuarded();
    await using anna = await open(system, tokenOf("anna", rights(["a"], [])));
    anna.client.begin("t");
    anna.send("/broadcast", "x", { transaction: "t" });
    expect((await anna.failed).headers["message"]).toBe("the token does not allow to publish to /broadcast");
  });

  test.each([
    ["/topic/colour.red", true],
    ["/topic/colour.*", true],
    ["/topic/news.*.today", true],
    ["/direct", true],
    ["/presence/colour.red", true],
    ["/presence/shade.red", false],
    ["/presence", false],
    ["/broadcast", false],
    ["/topic/#", false],
    ["/topic/*.red", false],
    ["/topic/colour.#", false],
  ])("may subscribe to %s: %p, where colour.* and news.# are allowed", async (destination, isAllowed) => {
    await using system = await startGuarded();
    await using anna = await open(system, tokenOf("anna", rights([], ["colour.*", "news.#"])));
    if (isAllowed) {
      await anna.subscribe(destination);
      return;
    }
    anna.client.subscribe(destination, () => undefined);
    expect((await anna.failed).headers["message"]).toInclude("does not allow to subscribe");
    expect(await anna.closed).toBe(4403);
    expect(await system.refused("subscribe")).toBe(1);
  });

  test("needs the same right for a durable subscription, and keeps it only as long as its token allows it", async () => {
    await using system = await startGuarded();
    await using anna = await open(system, tokenOf("anna", rights([], ["colour.*"])));
    const durable = { "x-stream-offset": "first" };
    await anna.subscribe("/topic/colour.red", durable);
    await anna.subscribe("/direct", durable);
    await using ben = await open(system, tokenOf("ben", rights([], ["colour.*"])));
    ben.client.subscribe("/topic/#", () => undefined, durable);
    expect((await ben.failed).headers["message"]).toInclude("does not allow to subscribe");
    anna.send("/auth", tokenOf("anna", rights([], ["shade.*"])));
    expect((await anna.failed).headers["message"]).toInclude('all of "colour.red"');
  });

  test("gets an ERROR and 4401 when its token ends", async () => {
    await using system = await startGuarded();
    await using anna = await open(system, tokenOf("anna", { exp: nowS() - 3 }));
    expect((await anna.failed).headers["message"]).toBe("the token has expired");
    expect(await anna.closed).toBe(4401);
  });

  test("goes on beyond its token's end when it has renewed it", async () => {
    await using system = await startGuarded();
    await using anna = await open(system, tokenOf("anna", { exp: nowS() - 3 }));
    await using brief = await open(system, tokenOf("brief", { exp: nowS() - 3 }));
    await anna.sendSafely("/auth", tokenOf("anna"));
    expect(await brief.closed).toBe(4401);
    await anna.sendSafely("/topic/a", "still here");
    expect(await system.refused("expired")).toBe(1);
  });

  test("gets the ERROR in time though frames of it wait for its rate, and none of these is obeyed then", async () => {
    await using system = await startGuarded(silent, "--max-messages-per-second", "10");
    const token = tokenOf("anna", { exp: nowS() - 3 });
    await using anna = await connect(system.wsUrl(`/ws?token=${token}`), { protocols: ["v12.stomp"] });
    await using ben = await open(system, tokenOf("ben"));
    anna.send(`CONNECT\naccept-version:1.2\n\n\0${"SEND\ndestination:/topic/a\n\n\0".repeat(1000)}`);
    const isError = (frame: unknown) => String(frame).startsWith("ERROR");
    expect(String(await anna.next(isError))).toInclude("the token has expired");
    expect((await anna.closed).code).toBe(4401);
    await ben.sendSafely("/topic/b", "all that anna may have sent is before this");
    const metrics = await system.metrics();
    expect(Number(/^warren_messages_received_total (\d+)$/m.exec(metrics)?.[1])).toBeLessThan(200);
    expect(metrics).toInclude("\nwarren_clients_over_rate 0\n");
  });

  test("renews its token among frames that wait for its rate: those before have the old rights, those after the new", async () => {
    await using system = await startGuarded(silent, "--max-messages-per-second", "10");
    await using ben = await open(system, tokenOf("ben"));
    const heard = await ben.subscribe("/topic/#");
    const token = tokenOf("anna", rights(["a"], []));
    await using anna = await connect(system.wsUrl(`/ws?token=${token}`), { protocols: ["v12.stomp"] });
    const sends = (topic: string) =>
      Array.from({ length: 12 }, (_, i) => `SEND\ndestination:/topic/${topic}\n\n${topic}${i}\0`).join("");
    const renewed = `SEND\ndestination:/auth\nreceipt:renewed\n\n${tokenOf("anna", rights(["b"], []))}\0`;
    const refused = "SEND\ndestination:/topic/a\nreceipt:refused\n\n\0";
    anna.send(`CONNECT\naccept-version:1.2\n\n\0${sends("a")}${renewed}${sends("b")}${refused}`);
    await anna.next((frame) => String(frame).includes("receipt-id:renewed"));
    const error = String(await anna.next((frame) => String(frame).startsWith("ERROR")));
    expect(error).toInclude('publish to "a"');
    expect(error).toInclude("receipt-id:refused");
    const names = (topic: string) => Array.from({ length: 12 }, (_, i) => `${topic}${i}`);
    await until(() => heard.length >= 24, "all that anna might send");
    expect(heard.map(({ body }) => body)).toEqual([...names("a"), ...names("b")]);
  });

  test("has the rights of its newest token", async () => {
    await using system = await startGuarded();
    await using anna = await open(system, tokenOf("anna", rights(["a"], ["a"])));
    await anna.subscribe("/topic/a");
    // Frames behind a renewal wait for it.
    const renewed = anna.sendSafely("/auth", tokenOf("anna", rights(["b"], ["a", "b"])));
    const sent = anna.sendSafely("/topic/b", "x");
    const subscribed = anna.subscribe("/topic/b");
    await Promise.all([renewed, sent, subscribed]);
    anna.send("/topic/a", "x");
    expect((await anna.failed).headers["message"]).toInclude('publish to "a"');
  });

  test("ends when its newest token does not allow what it has subscribed to, or has waiting in a transaction", async () => {
    await using system = await startGuarded();
    await using anna = await open(system, tokenOf("anna"));
    await anna.subscribe("/topic/a.*");
    anna.send("/auth", tokenOf("anna", rights([], ["a.b"])), { receipt: "r" });
    expect((await anna.failed).headers).toMatchObject({
      message: 'the token does not allow to subscribe to all of "a.*"',
      "receipt-id": "r",
    });
    await using cleo = await open(system, tokenOf("cleo"));
    await cleo.subscribe("/presence/a");
    cleo.send("/auth", tokenOf("cleo", rights([], ["b"])));
    expect((await cleo.failed).headers["message"]).toInclude('all of "a"');
    await using ben = await open(system, tokenOf("ben"));
    ben.client.begin("t");
    ben.send("/topic/a", "x", { transaction: "t" });
    ben.send("/auth", tokenOf("ben", rights([], [])));
    ben.client.commit("t");
    expect((await ben.failed).headers["message"]).toInclude('publish to "a"');
  });

  test.each([
    ["another user's token", tokenOf("ben"), "another user's", 4403],
    ["a token that is not valid", "x", "not a signed JSON Web Token", 4401],
    ["no token", "", "the token is empty", 4401],
  ])("does not become %s", async (_, token, why, code) => {
    await using system = await startGuarded();
    await using anna = await open(system, tokenOf("anna"));
    anna.send("/auth", token);
    expect((await anna.failed).headers["message"]).toInclude(why);
    expect(await anna.closed).toBe(code);
  });

  test("that sends without end while its token is checked is closed, or read later, and nothing is lost", async () => {
    await using system = await startGuarded();
    await using peer = await connect(system.wsUrl("/ws"), { protocols: ["v12.stomp"] });
    peer.send(frame("CONNECT", { "accept-version": "1.2", passcode: tokenOf("anna") }));
    const send = frame("SEND", { destination: "/topic/a" }, "x".repeat(60_000));
    for (let index = 0; index < 100; index++) peer.send(send);
    peer.send(frame("SEND", { destination: "/topic/a", receipt: "last" }, "x"));
    await peer.next((each) => String(each).startsWith("RECEIPT"));
    expect(await system.metrics()).toInclude("warren_messages_received_total 101\n");
  });

  test("without --auth knows no /auth", async () => {
    await using system = startSystem([], silent);
    await using peer = await connectStomp(system.wsUrl("/ws"), { connectHeaders: { passcode: "guest" } });
    peer.send("/auth", "x");
    expect((await peer.failed).headers["message"]).toInclude('unknown destination "/auth"');
  });
});
