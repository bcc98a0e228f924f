import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { SocketBytes } from "../../src/gateway/limits/socket-bytes.ts";
import { type Client, connect } from "../support/client.ts";
import { metricsOf } from "../support/metrics-of.ts";
import { connectRaw, opcodes } from "../support/raw.ts";
import { refusalOf } from "../support/refusal.ts";
import { startSystem } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until, untilCount } from "../support/wait.ts";

setDefaultTimeout(integrationTimeoutMs);

const silent = () => undefined;

describe("clients in all", () => {
  test("may be so many: the next one is refused with 503 until one has gone", async () => {
    await using system = startSystem(["--max-clients", "2"]);
    await using _anna = await connect(system.wsUrl("/ws"));
    const ben = await connect(system.wsUrl("/ws"));
    const refusal = await refusalOf(new URL("/ws", system.url), { connection: "Upgrade" });
    expect(refusal.status).toBe(503);
    expect(refusal.reason).toContain("as many clients as it may have");
    expect(await metricsOf(system.url)).toMatchObject({
      warren_clients: 2,
      warren_clients_max: 2,
      'warren_refused_total{reason="tooManyClients"}': 1,
    });
    await ben.close();
    await using _carol = await until(() => connect(system.wsUrl("/ws")), "carol to be let in");
  });

  test("do not count those that were refused or never became one", async () => {
    await using system = startSystem(["--max-clients", "1"]);
    // A topic that is none is refused when there is a seat already, a key that is missing when there is a client too.
    const headers = { connection: "Upgrade" };
    expect((await refusalOf(new URL("/ws?topic=a.*", system.url), headers)).reason).toContain("topic");
    expect((await refusalOf(new URL("/ws", system.url), headers)).reason).toContain("Sec-WebSocket-Key");
    await using _anna = await connect(system.wsUrl("/ws"));
  });
});

describe("clients of one address", () => {
  const from = (address: string) => ({ headers: { "X-Forwarded-For": address } });

  test("may be so many: the next one is refused with 429, and those of other addresses are not", async () => {
    await using system = startSystem(["--max-clients-per-address", "1", "--trust-proxy", "127.0.0.0/8"]);
    const anna = await connect(system.wsUrl("/ws"), from("203.0.113.1"));
    await using _ben = await connect(system.wsUrl("/ws"), from("6.6.6.6, 203.0.113.2"));
    await using raw = await connectRaw(system.url.href, "/ws", from("6.6.6.6, 203.0.113.1"));
    expect(raw.status).toBe(429);
    expect(await metricsOf(system.url)).toMatchObject({
      warren_clients: 2,
      'warren_refused_total{reason="tooManyFromAddress"}': 1,
    });
    await anna.close();
    await using _again = await until(
      () => connect(system.wsUrl("/ws"), from("203.0.113.1")),
      "a seat to be free",
    );
  });

  test("cannot say that they are others, unless they are proxies to be trusted", async () => {
    await using system = startSystem(["--max-clients-per-address", "1", "--trust-proxy", "10.0.0.0/8"]);
    await using _anna = await connect(system.wsUrl("/ws"), from("203.0.113.1"));
    await using raw = await connectRaw(system.url.href, "/ws", from("203.0.113.2"));
    expect(raw.status).toBe(429);
  });
});

test("of clients that connect at once, more than may in a second are refused with 503", async () => {
  await using system = startSystem(["--max-connections-per-second", "1"]);
  await using _anna = await connect(system.wsUrl("/ws"));
  // Within a second of the one that was let in last, so one of two is refused, however slow this machine is.
  const statusOf = async () => {
    await using raw = await connectRaw(system.url.href, "/ws");
    return raw.status;
  };
  await until(
    async () => (await Promise.all([statusOf(), statusOf()])).includes(503),
    "one of them to be refused",
  );
  await until(async () => (await statusOf()) === 101, "one to be let in later");
  expect((await metricsOf(system.url))['warren_refused_total{reason="tooManyAtOnce"}']).toBeGreaterThan(0);
});

test("a STOMP client that never sends CONNECT is told so and closed with 4408", async () => {
  await using system = startSystem(["--handshake-timeout", "1s"]);
  await using idle = await connect(system.wsUrl("/ws"), { protocols: ["v12.stomp"] });
  await using busy = await connect(system.wsUrl("/ws"), { protocols: ["v12.stomp"] });
  busy.send("CONNECT\naccept-version:1.2\n\n\0");
  expect(await idle.next()).toContain("no CONNECT came");
  expect(await idle.closed).toEqual({ code: 4408, reason: "no CONNECT came" });
  expect((await metricsOf(system.url))['warren_stomp_errors_total{reason="connectTime"}']).toBe(1);
  busy.send("SUBSCRIBE\nid:1\ndestination:/broadcast\nreceipt:r\n\n\0");
  await busy.next((frame) => String(frame).startsWith("RECEIPT"));
});

describe("STOMP limits", () => {
  const connectFrame = "CONNECT\naccept-version:1.2\n\n\0";
  const subscribe = (id: number) => `SUBSCRIBE\nid:${id}\ndestination:/topic/a\n\n\0`;
  const sendWith = (headers: string, body = "") => `SEND\ndestination:/topic/a\n${headers}\n${body}\0`;
  const tooMuch: readonly (readonly [reason: string, flags: string[], input: string])[] = [
    ["messageSize", ["--max-message-bytes", "1KiB"], sendWith("", "x".repeat(1025))],
    [
      "headerCount",
      ["--max-headers", "10"],
      sendWith(Array.from({ length: 10 }, (_, index) => `h${index}:\n`).join("")),
    ],
    ["headerSize", ["--max-header-bytes", "1KiB"], sendWith(`h:${"x".repeat(1024)}\n`)],
    ["subscriptions", ["--max-subscriptions", "1"], subscribe(1) + subscribe(2)],
    [
      "transactions",
      ["--max-transaction-bytes", "1KiB"],
      `BEGIN\ntransaction:t\n\n\0${sendWith("transaction:t\n", "x".repeat(1024))}`,
    ],
    ["frame", [], "SHOUT\n\n\0"],
  ];

  test.each(tooMuch)(
    "%s are flags, and what is beyond them is counted by its name",
    async (reason, flags, input) => {
      await using system = startSystem(flags, silent);
      await using anna = await connect(system.wsUrl("/ws"), { protocols: ["v12.stomp"] });
      anna.send(connectFrame + input);
      await anna.next((frame) => String(frame).startsWith("ERROR"));
      expect((await anna.closed).code).toBe(1002);
      const metrics = Object.entries(await metricsOf(system.url));
      const counted = metrics.filter(
        ([name, count]) => name.startsWith("warren_stomp_errors_total") && count > 0,
      );
      expect(counted).toEqual([[`warren_stomp_errors_total{reason="${reason}"}`, 1]]);
    },
  );
});

describe("a client that sends too much", () => {
  const flooded = ["--max-messages-per-second", "200", "--flood-timeout", "2s"];

  /** Sends as fast as it may, until it is closed. */
  async function flood(client: Client): Promise<void> {
    let isClosed = false;
    void client.closed.then(() => {
      isClosed = true;
    });
    while (!isClosed) {
      for (let i = 0; i < 100; i++) client.send("x".repeat(5000));
      await Bun.sleep(10);
    }
  }

  test("is slowed down, then closed with 4429, and nobody else notices", async () => {
    await using system = startSystem(flooded, ({ text }) => (text.startsWith("x") ? undefined : text));
    await using ben = await connect(system.wsUrl("/ws?topic=other"));
    await using anna = await connect(system.wsUrl("/ws"));
    const flooding = flood(anna);
    const isOver = async () => (await metricsOf(system.url))["warren_clients_over_rate"] === 1;
    await until(isOver, "anna to be slowed down");
    ben.send("still here");
    expect(await ben.next()).toBe("still here");
    expect(await anna.closed).toEqual({ code: 4429, reason: "too many messages for too long" });
    await flooding;
    const metrics = await metricsOf(system.url);
    expect(metrics).toMatchObject({
      warren_clients: 1,
      warren_clients_over_rate: 0,
      'warren_closed_total{code="4429"}': 1,
    });
    // What Bun had read already is taken, at most 512 KiB each time.
    expect(metrics["warren_messages_received_total"]).toBeLessThan(20 * 200);
  });

  test("once, and rests, loses nothing", async () => {
    await using system = startSystem(["--max-messages-per-second", "500"], silent);
    await using ben = await connect(system.wsUrl("/ws"));
    await using anna = await connect(system.wsUrl("/ws"));
    const sent = Array.from({ length: 1200 }, (_, index) => `${index}`);
    for (const text of sent) anna.send(text);
    await untilCount(() => ben.received.length, sent.length, "all of them to arrive");
    expect(ben.received).toEqual(sent);
  });

  test("in bytes is slowed down too", async () => {
    await using system = startSystem(["--max-bytes-per-second", "64KiB"], silent);
    await using ben = await connect(system.wsUrl("/ws"));
    await using anna = await connect(system.wsUrl("/ws"));
    for (let i = 0; i < 3; i++) anna.send("x".repeat(48 * 1024));
    const isOver = async () => (await metricsOf(system.url))["warren_clients_over_rate"] === 1;
    await until(isOver, "anna to be slowed down");
    await until(() => ben.received.length === 3, "all of it to arrive");
    await until(async () => !(await isOver()), "anna to be read from again");
  });

  test("over STOMP is closed with 4429 as well", async () => {
    await using system = startSystem(flooded, silent);
    await using anna = await connect(system.wsUrl("/ws"), { protocols: ["v12.stomp"] });
    anna.send("CONNECT\naccept-version:1.2\n\n\0");
    await anna.next();
    let isClosed = false;
    void anna.closed.then(() => {
      isClosed = true;
    });
    while (!isClosed) {
      for (let i = 0; i < 100; i++) anna.send(`SEND\ndestination:/broadcast\n\n${"x".repeat(5000)}\0`);
      await Bun.sleep(10);
    }
    expect((await anna.closed).code).toBe(4429);
  });
});

test.if(process.platform === "linux")(
  "what waits in the system to be read of a client is what --client-input-bytes says, and what the system likes with 0",
  async () => {
    const sockets = SocketBytes.open()!;
    const maxOf = async (limit: string) => {
      await using system = startSystem(["--client-input-bytes", limit], silent);
      await using _ = await connect(system.wsUrl("/ws"));
      // The listener's name has no peer, and the client's own socket has another port.
      const isServed = (fd: number) => sockets.peer(fd)?.endsWith(` ${system.url.port}`) === true;
      const fds = readdirSync("/proc/self/fd").map(Number).filter(isServed);
      return fds.map((fd) => sockets.unreadMax(fd)!);
    };
    const [limited, free] = [await maxOf("99KiB"), await maxOf("0")];
    // Linux counts twice as much, since it counts what is around the bytes, too.
    expect(limited).toEqual([2 * 99 * 1024]);
    expect(free).not.toEqual(limited);
  },
);

test("pings by clients are answered whatever the limits", async () => {
  await using system = startSystem(["--max-messages-per-second", "1"]);
  await using raw = await connectRaw(system.url.href, "/ws");
  raw.sendFrame(opcodes.ping, "p");
  await until(() => raw.frames.some(({ opcode }) => opcode === opcodes.pong), "the pong");
});
