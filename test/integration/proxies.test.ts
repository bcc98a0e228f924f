import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Auth } from "../../src/gateway/auth/auth.ts";
import { startBrowser, type TestBrowser } from "../support/browser.ts";
import { connect } from "../support/client.ts";
import { clientsWithoutWebSocket } from "../support/http-clients.ts";
import { rows, say, untilStatus } from "../support/page-actions.ts";
import { type ReverseProxy, startProxy } from "../support/proxies.ts";
import { bodiesOf, connectStomp } from "../support/stomp-client.ts";
import { optionsOf, QuietLogger, startSystem } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";
import { claims, hs256 } from "../unit/gateway/auth/signing.ts";

setDefaultTimeout(integrationTimeoutMs);

let browser: TestBrowser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterEach(() => browser.closePages());
afterAll(() => browser[Symbol.asyncDispose]());

describe.each(Object.keys(startProxy) as (keyof typeof startProxy)[])("behind %s", (kind) => {
  let system: ReturnType<typeof startSystem>;
  let proxy: ReverseProxy;
  beforeAll(async () => {
    system = startSystem();
    proxy = await startProxy[kind](system.url);
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await system[Symbol.asyncDispose]();
  });

  const wsUrl = (path: string) => new URL(path, proxy.url).href.replace(/^http/, "ws");

  describe.each(["", "chat/"])("at /%s", (prefix) => {
    test("plain text and STOMP go both ways, for pages of the proxy's origin and for no others", async () => {
      const headers = { origin: proxy.url.origin };
      await using anna = await connect(wsUrl(`${prefix}ws/anna?topic=a`), { headers });
      await using ben = await connectStomp(wsUrl(`${prefix}ws/ben`));
      const received = await ben.subscribe("/topic/a");
      anna.send("hello");
      expect(await anna.next()).toBe("processed message: hello");
      // It came by another connection than the answer, so it may be later.
      await until(() => received.some(({ body }) => body === "hello"), "it reaches the STOMP client, too");
      const evil = connect(wsUrl(`${prefix}ws`), { headers: { origin: "http://evil.example" } });
      expect(
        await evil.then(
          () => "let in",
          () => "refused",
        ),
      ).toBe("refused");
    });

    test("a stompjs that asks for no subprotocol is heard, and its CONNECT by nobody", async () => {
      await using anna = await connect(wsUrl(`${prefix}ws/anna`));
      const webSocketFactory = () => new WebSocket(wsUrl(`${prefix}ws/ben`));
      await using ben = await connectStomp("", {
        webSocketFactory,
        connectHeaders: { passcode: "a secret" },
      });
      const received = await ben.subscribe("/topic/a");
      await ben.sendSafely("/topic/a", "from ben");
      expect(await bodiesOf(received, 1)).toEqual(["from ben"]);
      await ben.sendSafely("/broadcast", "to anna");
      expect(await anna.next()).toBe("to anna");
    });

    test("the metrics are kept from strangers", async () => {
      for (const path of ["metrics", "readyz"])
        expect((await fetch(new URL(`${prefix}${path}`, proxy.url))).status).toBe(404);
      expect((await fetch(new URL(`${prefix}healthz`, proxy.url))).status).toBe(200);
    });

    test("the client page works, its parts and its WebSocket included", async () => {
      const url = new URL(`${prefix}?topic=b`, proxy.url).href;
      const page = await browser.open(url);
      await say(page, "hello");
      await rows(page, "processed.answers-own", "processed message: hello").waitFor();
      expect(await page.evaluate(() => getComputedStyle(document.body).display)).toBe("grid");
    });
  });

  test("that does not pass Upgrade on, the page goes by HTTP and says so, and so do EventSource, curl and Python", async () => {
    const page = await browser.open(new URL("dumb/?topic=c", proxy.url).href);
    await page.getByText("Connected by HTTP").first().waitFor();
    await using other = await connect(wsUrl("ws?topic=c"));
    await say(page, "hello");
    await rows(page, "processed.answers-own", "processed message: hello").waitFor();
    other.send("from a WebSocket");
    await rows(page, "other", "from a WebSocket").waitFor();
    await page.getByLabel("As").selectOption("bytes");
    await say(page, "ca fe");
    await until(() => other.received.some((body) => typeof body !== "string"), "bytes are bytes");
    await clientsWithoutWebSocket(page, new URL("dumb/", proxy.url));
  });

  test("that does not pass Host on, the page says that this has its origin refused, and does not go by HTTP", async () => {
    const page = await browser.openWaiting(new URL("hostless/?topic=f", proxy.url).href);
    const reason = /refused: pages of this origin may not connect.*does not pass Host on/;
    await page.locator("#banner-reason").filter({ hasText: reason }).waitFor();
    expect(await page.getByText("Connected by HTTP").count()).toBe(0);
  });

  describe("with tokens", () => {
    const secret = "a secret of more than thirty-two bytes";
    const folder = mkdtempSync(join(tmpdir(), "warren-proxied-"));
    const token = hs256(claims({ sub: "anna", warren: { publish: ["#"], subscribe: ["#"] } }), secret);
    let guarded: ReturnType<typeof startSystem>;
    let guard: ReverseProxy;
    beforeAll(async () => {
      writeFileSync(join(folder, "secret"), secret);
      const args = ["--auth", "jwt", "--jwt-secret-file", join(folder, "secret")];
      guarded = startSystem(args, undefined, await Auth.open(optionsOf(...args), new QuietLogger()));
      guard = await startProxy[kind](guarded.url);
    });
    afterAll(async () => {
      await guard[Symbol.asyncDispose]();
      await guarded[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    });

    test.each([
      ["chat/", "connected"],
      ["dumb/", "Connected by HTTP"],
    ])("the page at /%s says that it needs one, takes one, and is %s", async (prefix, how) => {
      const page = await browser.openWaiting(new URL(`${prefix}?topic=d`, guard.url).href);
      const banner = page.locator("#banner");
      await banner.filter({ hasText: "The manager refused: a token is needed" }).waitFor();
      await page.getByLabel("Token").fill(token);
      await page.getByRole("button", { name: "Connect" }).click();
      await untilStatus(page, "connected");
      await page.getByText(how, { exact: false }).first().waitFor();
      expect(await page.locator("#client-id").textContent()).toBe("anna");
      await say(page, "hello");
      await rows(page, "processed.answers-own", "processed message: hello").waitFor();
    });

    test("the proxy's own login beside a client's token is not the manager's to judge", async () => {
      const headers = { authorization: `Basic ${btoa("proxy:password")}` };
      const url = new URL(`chat/ws?topic=e&token=${token}`, guard.url).href.replace(/^http/, "ws");
      await using anna = await connect(url, { headers });
      anna.send("hello");
      expect(await anna.next()).toBe("processed message: hello");
    });
  });
});
