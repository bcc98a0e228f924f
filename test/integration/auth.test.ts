import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "../support/client.ts";
import { answerTo, bearer, rights, silent, startGuarded, tokenOf } from "../support/guarded.ts";
import { connectStomp, StompPeer } from "../support/stomp-client.ts";
import { startSystem } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";
import { claims, hs256, nowS } from "../unit/gateway/auth/signing.ts";

setDefaultTimeout(integrationTimeoutMs);

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
    expect((await stomp.failed).headers["message"]).toInclude('send requests to "/app/orders"');
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
      reason: "the token gives no right to publish to this topic",
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
