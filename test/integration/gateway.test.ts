import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { pageHeader } from "../../src/wire/page-header.ts";
import { connect } from "../support/client.ts";
import { metricsOf } from "../support/metrics-of.ts";
import { connectRaw, opcodes } from "../support/raw.ts";
import { sendRaw } from "../support/raw-http.ts";
import { refusalOf } from "../support/refusal.ts";
import { startSystem } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until, untilCount } from "../support/wait.ts";

setDefaultTimeout(integrationTimeoutMs);

/** A handler that answers nothing, where only the relay is of interest. */
const silent = () => undefined;

describe("a plain-text client", () => {
  test("hears what the others on its topic send, and not what it sends itself", async () => {
    await using system = startSystem([], silent);
    await using anna = await connect(system.wsUrl("/ws/anna"));
    await using ben = await connect(system.wsUrl("/ws/ben"));
    anna.send("from anna");
    ben.send("from ben");
    expect(await ben.next()).toBe("from anna");
    expect(await anna.next()).toBe("from ben");
    anna.send("end");
    expect(await ben.next()).toBe("end");
    expect(anna.received).toEqual(["from ben"]);
  });

  test("hears the processed message, as do the others", async () => {
    await using system = startSystem();
    await using anna = await connect(system.wsUrl("/ws"));
    await using ben = await connect(system.wsUrl("/ws"));
    anna.send("hello");
    expect(await anna.next()).toBe("processed message: hello");
    expect(await ben.next()).toBe("hello");
    expect(await ben.next()).toBe("processed message: hello");
  });

  test("hears nothing of other topics", async () => {
    await using system = startSystem();
    await using red = await connect(system.wsUrl("/ws?topic=colour.red"));
    await using alsoRed = await connect(system.wsUrl("/ws/x?topic=colour.red"));
    await using blue = await connect(system.wsUrl("/ws?topic=colour.blue"));
    await using broadcast = await connect(system.wsUrl("/ws"));
    blue.send("for blue");
    broadcast.send("for broadcast");
    expect(await blue.next()).toBe("processed message: for blue");
    expect(await broadcast.next()).toBe("processed message: for broadcast");
    red.send("for red");
    expect(await red.next()).toBe("processed message: for red");
    expect(alsoRed.received.slice(0, 1)).toEqual(["for red"]);
    expect([...blue.received, ...broadcast.received]).toEqual([
      "processed message: for blue",
      "processed message: for broadcast",
    ]);
  });

  const texts = {
    empty: "",
    "with a BOM": "\ufeffx",
    "with NULs": "a\0b",
    "beyond the BMP": "😀é",
    "of markup": "<b>&amp;",
  };
  for (const [kind, text] of Object.entries(texts)) {
    test(`gets a text that is ${kind} byte for byte`, async () => {
      await using system = startSystem([], (message) => message.body);
      await using anna = await connect(system.wsUrl("/ws"));
      await using ben = await connect(system.wsUrl("/ws"));
      anna.send(text);
      expect(await ben.next()).toBe(text);
      expect(await anna.next()).toBe(text);
    });
  }

  test("gets binary frames as binary frames, relayed and processed", async () => {
    await using system = startSystem([], (message) => message.body);
    await using anna = await connect(system.wsUrl("/ws"));
    await using ben = await connect(system.wsUrl("/ws"));
    const bytes = new Uint8Array([0, 255, 128, 10]);
    anna.send(bytes);
    expect(await ben.next()).toEqual(bytes);
    expect(await anna.next()).toEqual(bytes);
    anna.send(new Uint8Array(0));
    expect(await anna.next()).toEqual(new Uint8Array(0));
  });

  test("is answered alone where the handler answers the sender", async () => {
    await using system = startSystem([], ({ text }) => ({ to: "sender", body: `you said ${text}` }));
    await using anna = await connect(system.wsUrl("/ws/anna"));
    await using secondTab = await connect(system.wsUrl("/ws/anna?topic=another"));
    await using ben = await connect(system.wsUrl("/ws/ben"));
    anna.send("hello");
    expect(await anna.next()).toBe("you said hello");
    expect(await secondTab.next()).toBe("you said hello");
    ben.send("hello");
    expect(await ben.next((message) => message !== "hello")).toBe("you said hello");
    expect(ben.received).toEqual(["hello", "you said hello"]);
  });

  test("gets every message of a burst in order", async () => {
    await using system = startSystem();
    await using anna = await connect(system.wsUrl("/ws"));
    await using ben = await connect(system.wsUrl("/ws"));
    const sent = Array.from({ length: 5000 }, (_, index) => `message ${index} ${"x".repeat(index % 300)}`);
    for (const text of sent) anna.send(text);
    await untilCount(() => ben.received.length, 10_000, "all relayed and processed messages");
    const isProcessed = (message: unknown) => String(message).startsWith("processed message: ");
    expect(ben.received.filter((message) => !isProcessed(message))).toEqual(sent);
    expect(ben.received.filter(isProcessed)).toEqual(sent.map((text) => `processed message: ${text}`));
  });
});

describe("bad input from a client", () => {
  test("a message over the limit closes its sender with 1009, and nobody else notices", async () => {
    await using system = startSystem(["--max-message-bytes", "1KiB"]);
    await using ben = await connect(system.wsUrl("/ws"));
    await using anna = await connect(system.wsUrl("/ws"));
    await using carol = await connect(system.wsUrl("/ws"));
    anna.send("x".repeat(1025));
    expect((await anna.closed).code).toBe(1009);
    carol.send("y".repeat(1024));
    expect(await ben.next()).toBe("y".repeat(1024));
    expect(await carol.next()).toBe(`processed message: ${"y".repeat(1024)}`);
  });

  test("text that is not UTF-8 closes its sender with 1007, and nobody else notices", async () => {
    await using system = startSystem();
    await using ben = await connect(system.wsUrl("/ws"));
    await using anna = await connectRaw(system.url.href, "/ws");
    anna.sendFrame(opcodes.text, Buffer.from([0x68, 0xff, 0xfe]));
    expect(await anna.closeCode()).toBe(1007);
    ben.send("still here");
    expect(await ben.next()).toBe("processed message: still here");
    expect(ben.received).toHaveLength(1);
  });

  const refused: Record<string, string> = {
    "a client id with a control character": "/ws/a%00b",
    "a client id with a newline": "/ws/a%0Ab",
    "a client id of 256 bytes": `/ws/${"x".repeat(256)}`,
    "a client id of 255 characters in 510 bytes": `/ws/${"%C3%A9".repeat(255)}`,
    "a topic with a control character": "/ws?topic=a%07b",
    "a topic of 256 bytes": `/ws?topic=${"x".repeat(256)}`,
    "a topic that is a pattern": "/ws?topic=stock.*",
  };
  for (const [what, path] of Object.entries(refused)) {
    test(`${what} is refused with 400 and a reason`, async () => {
      await using system = startSystem();
      await using raw = await connectRaw(system.url.href, path);
      expect(raw.status).toBe(400);
      const refusal = await refusalOf(new URL(path, system.url));
      expect(refusal.status).toBe(400);
      expect(refusal.reason).toMatch(/^.{20,200}\n$/);
    });
  }

  test("a client id and a topic of 255 bytes are accepted", async () => {
    await using system = startSystem();
    await using anna = await connect(system.wsUrl(`/ws/${"%C3%A9".repeat(127)}?topic=${"t".repeat(255)}`));
    anna.send("hello");
    expect(await anna.next()).toBe("processed message: hello");
  });

  test("an unknown subprotocol is refused with 400 and a reason", async () => {
    await using system = startSystem();
    const refusal = await refusalOf(new URL("/ws", system.url), { "sec-websocket-protocol": "mqtt" });
    expect(refusal.status).toBe(400);
    expect(refusal.reason).toContain("subprotocol");
  });

  test("a plain HTTP request to /ws is told to use WebSocket", async () => {
    await using system = startSystem();
    const response = await fetch(new URL("/ws", system.url));
    expect(response.status).toBe(426);
    expect(await response.text()).toContain("WebSocket");
  });
});

describe("a browser", () => {
  const statusOf = async (origin: string, ...args: string[]) => {
    await using system = startSystem(args);
    await using raw = await connectRaw(system.url.href, "/ws", {
      headers: { Origin: origin.replace("SELF", system.url.origin) },
    });
    return raw.status;
  };

  test("may connect from the manager's own page", async () => {
    expect(await statusOf("SELF")).toBe(101);
  });

  test("on the manager's own page is told, when that asks over HTTP, whether its origin is why no WebSocket comes about", async () => {
    await using system = startSystem();
    const ask = (page: string) => fetch(new URL("/ws", system.url), { headers: { [pageHeader]: page } });
    expect((await ask(system.url.origin)).status).toBe(426);
    const refused = await ask("https://chat.example.org");
    expect(refused.status).toBe(403);
    expect(await refused.text()).toContain("does not pass Host on");
  });

  test("may not connect from another page, nor from one without an origin", async () => {
    expect(await statusOf("https://evil.example")).toBe(403);
    expect(await statusOf("http://127.0.0.1:1")).toBe(403);
    expect(await statusOf("null")).toBe(403);
    expect(await statusOf("nonsense")).toBe(403);
  });

  test("may connect from pages that --allow-origin names, and no others", async () => {
    const allowed = ["--allow-origin", "https://app.example", "--allow-origin", "null"];
    expect(await statusOf("https://app.example", ...allowed)).toBe(101);
    expect(await statusOf("null", ...allowed)).toBe(101);
    expect(await statusOf("http://app.example", ...allowed)).toBe(403);
    expect(await statusOf("https://app.example.evil.example", ...allowed)).toBe(403);
    expect(await statusOf("https://anything.example", "--allow-origin", "*")).toBe(101);
  });

  test("is told why it may not", async () => {
    await using system = startSystem();
    const refusal = await refusalOf(new URL("/ws", system.url), { origin: "https://evil.example" });
    expect(refusal.status).toBe(403);
    expect(refusal.reason).toContain("--allow-origin");
    expect(await metricsOf(system.url)).toMatchObject({ 'warren_refused_total{reason="origin"}': 1 });
  });

  test("that is refused is logged once for each origin", async () => {
    await using system = startSystem();
    for (const origin of ["https://a.example", "capacitor://localhost", "https://a.example"])
      await refusalOf(new URL("/ws", system.url), { origin });
    expect(system.logger.complaints).toEqual(Array(2).fill("a page of another origin was refused"));
  });

  test("may connect from an app shell or a subdomain that --allow-origin names", async () => {
    const allowed = ["--allow-origin", "capacitor://localhost,https://*.example.org,https://slash.example/"];
    for (const origin of ["capacitor://localhost", "https://a.b.example.org", "https://slash.example"])
      expect([origin, await statusOf(origin, ...allowed)]).toEqual([origin, 101]);
    expect(await statusOf("https://example.org", ...allowed)).toBe(403);
  });

  test("may connect through a proxy with TLS, and not from a page that came without", async () => {
    await using system = startSystem(["--allow-host", "example.org"]);
    const statusBehind = async (headers: Record<string, string>) => {
      await using raw = await connectRaw(system.url.href, "/ws", { headers });
      return raw.status;
    };
    const origin = { Origin: "https://example.org" };
    expect(await statusBehind({ Host: "example.org", ...origin })).toBe(101);
    expect(await statusBehind({ Host: "example.org:443", ...origin })).toBe(101);
    const proto = { "X-Forwarded-Proto": "https" };
    expect(await statusBehind({ Host: "example.org", ...origin, ...proto })).toBe(101);
    expect(await statusBehind({ Host: "example.org", Origin: "http://example.org", ...proto })).toBe(403);
  });
});

describe("a manager without tokens and TLS", () => {
  const paths = ["/", "/ws", "/ws/me", "/readyz", "/metrics"];
  const statusOf = async (url: URL, path: string, host: string) =>
    (await sendRaw(url, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).statuses[0];

  test("does not answer under a name that a page could have made to point at it", async () => {
    await using system = startSystem(["--admin-port", "0"]);
    const host = `evil.example:${system.url.port}`;
    await using raw = await connectRaw(system.url.href, "/ws", {
      headers: { Host: host, Origin: `http://${host}` },
    });
    expect(raw.status).toBe(403);
    const { text } = await sendRaw(system.url, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    expect(text).toContain("--allow-host");
    for (const path of ["/", "/ws", "/ws/me"])
      expect([path, await statusOf(system.url, path, host)]).toEqual([path, 403]);
    for (const path of ["/readyz", "/metrics"])
      expect([path, await statusOf(system.manager.adminUrl!, path, host)]).toEqual([path, 403]);
    expect(system.logger.complaints).toEqual(["a request for a host name that is not allowed was refused"]);
    expect(await statusOf(system.url, "/", `localhost:${system.url.port}`)).toBe(200);
  });

  test("answers under those that --allow-host names, and tells anybody that it is alive", async () => {
    await using system = startSystem(["--allow-host", "manager,*.example.org"]);
    for (const host of ["manager:8000", "a.example.org"])
      for (const path of paths)
        expect([host, path, await statusOf(system.url, path, host)]).toEqual([
          host,
          path,
          path.startsWith("/ws") ? 426 : 200,
        ]);
    for (const path of paths) expect([path, await statusOf(system.url, path, "other")]).toEqual([path, 403]);
    expect(await statusOf(system.url, "/healthz", "other")).toBe(200);
  });
});

describe("what the manager serves over HTTP", () => {
  test("the client page", async () => {
    await using system = startSystem();
    const response = await fetch(system.url);
    expect(response.headers.get("content-type")).toContain("text/html");
    expect(await response.text()).toContain("Warren");
  });

  test("health, and readiness with a reason", async () => {
    await using system = startSystem();
    expect(await (await fetch(new URL("/healthz", system.url))).json()).toEqual({ alive: true });
    expect(await (await fetch(new URL("/readyz", system.url))).json()).toEqual({ ready: true });
    await system.manager.drain(10_000);
    const stopping = await fetch(new URL("/readyz", system.url));
    expect(stopping.status).toBe(503);
    expect(await stopping.json()).toEqual({ ready: false, why: "stopping" });
    expect((await fetch(new URL("/healthz", system.url))).status).toBe(200);
  });

  test("404 for anything else", async () => {
    await using system = startSystem();
    for (const path of ["/nothing", "/ws/a/b", "/..%2fetc/passwd", "/%00"]) {
      expect((await fetch(new URL(path, system.url))).status).toBe(404);
    }
  });

  test("metrics that count what happened", async () => {
    await using system = startSystem();
    await using anna = await connect(system.wsUrl("/ws"));
    await using ben = await connect(system.wsUrl("/ws?topic=other"));
    anna.send("one");
    anna.send("two");
    await anna.next();
    await anna.next();
    ben.send("three");
    await ben.next();
    const metrics = await metricsOf(system.url);
    expect(metrics).toMatchObject({
      warren_clients: 2,
      warren_topics: 2,
      warren_messages_received_total: 3,
      warren_published_total: 3,
      warren_confirmed_total: 3,
      warren_deliveries_total: 3,
      warren_outbox_bytes: 0,
      warren_broker_connected: 1,
    });
  });
});

describe("a manager that stops", () => {
  test("closes its clients with 1001 and accepts no more", async () => {
    const system = startSystem();
    await using anna = await connect(system.wsUrl("/ws"));
    anna.send("last words");
    await until(() => anna.received.length === 1, "the answer");
    await system.manager.drain(10_000);
    expect((await refusalOf(new URL("/ws", system.url))).status).toBe(503);
    await system[Symbol.asyncDispose]();
    expect((await anna.closed).code).toBe(1001);
    expect(system.logger.complaints).toEqual([]);
  });
});

describe("a full outbox", () => {
  test("holds back the clients that publish, loses nothing, and lets them go on when it has emptied", async () => {
    const gate = Promise.withResolvers<void>();
    await using system = startSystem(
      ["--outbox-max-bytes", "1MiB", "--prefetch", "10", "--concurrency", "1"],
      async ({ text }) => {
        await gate.promise;
        return text.slice(0, 12);
      },
    );
    await using anna = await connect(system.wsUrl("/ws"));
    const sent = Array.from({ length: 3000 }, (_, index) => `${index}`.padEnd(12).padEnd(64 * 1024, "x"));
    for (const text of sent) anna.send(text);
    await until(() => system.broker.status().state === "blocked", "the processors' queue to be full");
    const isHeldBack = async () => (await metricsOf(system.url))["warren_clients_held_back"] === 1;
    await until(isHeldBack, "anna to be held back");
    expect(await (await fetch(new URL("/readyz", system.url))).json()).toMatchObject({ ready: false });
    gate.resolve();
    await untilCount(() => anna.received.length, sent.length, "all answers", 20_000);
    expect(anna.received).toEqual(sent.map((text) => text.slice(0, 12)));
    expect((await metricsOf(system.url))["warren_clients_held_back"]).toBe(0);
  });
});
