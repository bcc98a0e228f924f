import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { startBrowser, type TestBrowser } from "../support/browser.ts";
import { connect } from "../support/client.ts";
import { clientsWithoutWebSocket } from "../support/http-clients.ts";
import { rows, say } from "../support/page-actions.ts";
import { type ReverseProxy, startProxy } from "../support/proxies.ts";
import { connectStomp } from "../support/stomp-client.ts";
import { startSystem } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";

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
      expect(received.map(({ body }) => body)).toContain("hello");
      const evil = connect(wsUrl(`${prefix}ws`), { headers: { origin: "http://evil.example" } });
      expect(
        await evil.then(
          () => "let in",
          () => "refused",
        ),
      ).toBe("refused");
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
    await clientsWithoutWebSocket(page, new URL("dumb/", proxy.url));
  });
});
