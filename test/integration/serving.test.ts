import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { executable } from "../support/executable.ts";
import { silent, startGuarded } from "../support/guarded.ts";
import { startSystem } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { startWarren, WarrenProcess } from "../support/warren.ts";

setDefaultTimeout(integrationTimeoutMs);

/** Where a system serves, be it from the sources or compiled. */
const servers = {
  "from the sources": async () => await Promise.resolve(startSystem()),
  compiled: () => startWarren(),
};

describe.each(Object.keys(servers) as (keyof typeof servers)[])("the client page, %s", (kind) => {
  test("comes whole, with what keeps browsers safe", async () => {
    await using server = await servers[kind]();
    const response = await fetch(server.url);
    expect(response.headers.get("content-type")).toStartWith("text/html");
    expect(response.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    expect(response.headers.get("content-security-policy")).toStartWith("default-src 'none'");
    expect(response.headers.get("x-frame-options")).toBe("DENY");
    expect(response.headers.get("referrer-policy")).toBe("no-referrer");
    const html = await response.text();
    const parts = [...html.matchAll(/(?:src|href)="(\.\/[^"]+)"/g)].map(([, path]) => path!);
    expect(parts.map((path) => path.split(".").at(-1)).sort()).toEqual(["js", "js", "svg"]);
    // Its style is within it, and no other one is allowed.
    const styles = [...html.matchAll(/<style>(.*?)<\/style>/gs)].map(([, css]) => css!);
    expect(styles).toHaveLength(1);
    const hash = new Bun.CryptoHasher("sha256").update(styles[0]!).digest("base64");
    expect(response.headers.get("content-security-policy")).toContain(`; style-src 'sha256-${hash}';`);
    // No script is within the page: one of a few words beside it begins the large one, which is fetched meanwhile.
    expect(response.headers.get("content-security-policy")).toContain("; script-src 'self';");
    const scripts = [...html.matchAll(/<script ([^>]*)>(.*?)<\/script>/gs)];
    expect(scripts.map(([, , within]) => within)).toEqual([""]);
    const [, starter] = /^async src="([^"]+)"$/.exec(scripts[0]![1]!)!;
    const words = await (await fetch(new URL(starter!, server.url))).text();
    const [, module] = /import\("([^"]+)"\)/.exec(words)!;
    expect(html).toContain(`<link rel="modulepreload" href="${module}">`);
    for (const path of parts) {
      const part = await fetch(new URL(path, server.url));
      expect(part.status).toBe(200);
      expect(part.headers.get("content-type")).toMatch(/^(text\/javascript|image\/svg\+xml)/);
      expect(part.headers.get("x-content-type-options")).toBe("nosniff");
      // The page's script is its worker's, too, which the page's own policy says nothing of.
      if (path.endsWith(".js"))
        expect(part.headers.get("content-security-policy")).toBe("default-src 'none'; connect-src 'self'");
      expect((await part.bytes()).length).toBeGreaterThan(100);
    }
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  });

  test("is not sent again to a browser that has it", async () => {
    await using server = await servers[kind]();
    const etag = (await fetch(server.url)).headers.get("etag")!;
    const again = await fetch(server.url, { headers: { "if-none-match": etag } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
    expect((await fetch(server.url, { headers: { "if-none-match": '"another"' } })).status).toBe(200);
  });

  test("is compressed for browsers that take that, and plain for all others", async () => {
    await using server = await servers[kind]();
    const get = (encodings: string) =>
      fetch(server.url, { headers: { "accept-encoding": encodings }, decompress: false });
    const [gzip, plain] = [await get("gzip, deflate, br"), await get("identity")];
    expect([gzip, plain].map(({ headers }) => headers.get("content-encoding"))).toEqual(["gzip", null]);
    expect([gzip, plain].map(({ headers }) => headers.get("vary"))).toEqual([
      "accept-encoding",
      "accept-encoding",
    ]);
    // A cache that has one of them has not the other.
    expect(gzip.headers.get("etag")).not.toBe(plain.headers.get("etag"));
    const text = await plain.text();
    expect(new TextDecoder().decode(Bun.gunzipSync(await gzip.bytes()))).toBe(text);
    expect(text).toStartWith("<!doctype html>");
  });
});

describe("what is served", () => {
  test.each(["/", "/ws", "/ws/me", "/healthz", "/readyz", "/metrics"])(
    "on %s is only to be read",
    async (path) => {
      await using system = startSystem();
      for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
        const response = await fetch(new URL(path, system.url), { method });
        expect([method, response.status, response.headers.get("allow")]).toEqual([method, 405, "GET, HEAD"]);
        await response.text();
      }
      const head = await fetch(new URL(path, system.url), { method: "HEAD" });
      expect(await head.text()).toBe("");
      expect(head.status).toBe(path.startsWith("/ws") ? 426 : 200);
    },
  );
});

describe("a page of another site that has opened ours", () => {
  const policyOf = async (url: URL | string) => (await fetch(url)).headers.get("cross-origin-opener-policy");

  test("cannot put another one in its place where people give it a token", async () => {
    await using guarded = await startGuarded(silent, "--admin-port", "0");
    expect(await policyOf(guarded.url)).toBe("same-origin");
    expect(await policyOf(guarded.manager.adminUrl!)).toBe("same-origin");
  });

  test("costs the page no process of its own where there is no token", async () => {
    await using open = startSystem(["--admin-port", "0"]);
    expect(await policyOf(open.url)).toBeNull();
    expect(await policyOf(open.manager.adminUrl!)).toBe("same-origin");
  });
});

describe("--admin-port", () => {
  const paths = ["/metrics", "/healthz", "/readyz"];

  test("moves the operation routes away from the clients' port", async () => {
    await using system = startSystem(["--admin-port", "0"]);
    const admin = system.manager.adminUrl!;
    for (const path of paths) {
      expect([path, (await fetch(new URL(path, system.url))).status]).toEqual([path, 404]);
      expect([path, (await fetch(new URL(path, admin))).status]).toEqual([path, 200]);
    }
    expect(await (await fetch(new URL("/metrics", admin))).text()).toContain("warren_clients 0");
    expect((await fetch(new URL("/ws", admin))).status).toBe(404);
    expect((await fetch(new URL("/metrics", admin), { method: "POST" })).status).toBe(405);
    await system.manager.drain(10_000);
    expect((await fetch(new URL("/readyz", admin))).status).toBe(503);
  });

  test("is not there unless it is asked for", async () => {
    await using system = startSystem();
    expect(system.manager.adminUrl).toBeUndefined();
    for (const path of paths) expect((await fetch(new URL(path, system.url))).status).toBe(200);
  });

  test("says in the log where it is", async () => {
    await using warren = await startWarren(["--admin-port", "0"], { readyWhen: "ready" });
    const { admin } = await warren.waitForLog(({ msg }) => msg === "listening", "it listens");
    expect((await fetch(new URL("/readyz", String(admin)))).status).toBe(200);
    expect(new URL(String(admin)).port).not.toBe(new URL(warren.url).port);
  });

  test("that is in use ends Warren in one line, with exit code 1", async () => {
    await using first = await startWarren(["--admin-port", "0"]);
    const { admin } = await first.waitForLog(({ msg }) => msg === "listening", "it listens");
    const { port } = new URL(String(admin));
    const command = [await executable(), "--port", "0", "--admin-port", port];
    const second = new WarrenProcess(command, {});
    expect(await second.exited).toBe(1);
    expect(second.log.map(({ msg }) => msg)).toEqual([
      `warren: port ${port} on 127.0.0.1 is in use: stop what uses it, or choose another with --admin-port (0 picks a free one)`,
    ]);
  });
});
