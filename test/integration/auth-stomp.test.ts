import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "../support/client.ts";
import { bearer, rights, secret, silent, startGuarded, tokenOf } from "../support/guarded.ts";
import { connectStomp, StompPeer } from "../support/stomp-client.ts";
import { startSystem } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until, untilCount } from "../support/wait.ts";
import { claims, hs256, nowS } from "../unit/gateway/auth/signing.ts";

setDefaultTimeout(integrationTimeoutMs);

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
      message: 'the token gives no right to publish to "colour"',
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
    expect((await anna.failed).headers["message"]).toBe("the token gives no right to publish to /broadcast");
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
    expect((await anna.failed).headers["message"]).toInclude("gives no right to subscribe");
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
    expect((await ben.failed).headers["message"]).toInclude("gives no right to subscribe");
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
      message: 'the token gives no right to subscribe to all of "a.*"',
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
