import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createPublicKey } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CertificateAuthority } from "../support/certificates.ts";
import { connect } from "../support/client.ts";
import { StompPeer } from "../support/stomp-client.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";
import { startWarren, type WarrenProcess } from "../support/warren.ts";
import { claims, ecPair, hs256, nowS, rsaPair, signed } from "../unit/gateway/auth/signing.ts";

setDefaultTimeout(integrationTimeoutMs);

const folder = mkdtempSync(join(tmpdir(), "warren-auth-exe-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

const secret = "a secret of more than thirty-two bytes";
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

async function isAccepted(warren: WarrenProcess, token: string): Promise<boolean> {
  try {
    await using client = await connect(warren.wsUrl(), bearer(token));
    return client.protocol === "";
  } catch {
    return false;
  }
}

describe("the executable with --auth jwt", () => {
  test("tells no token and no secret to its log, whatever becomes of them", async () => {
    const args = ["--auth", "jwt", "--jwt-secret-file", file("secret", secret)];
    await using warren = await startWarren([...args, "--log-level", "debug", "--log-messages", "on"]);
    const good = hs256(claims(), secret);
    const bad = hs256(claims({ sub: "mallory" }), "another secret");
    const ended = hs256(claims({ exp: nowS() - 60 }), secret);
    await using anna = await connect(warren.wsUrl(`/ws?token=${good}`));
    anna.send("hello");
    expect(await anna.next()).toBe("processed message: hello");
    for (const token of [bad, ended, "x.y.z", "%00"]) {
      await expect(connect(warren.wsUrl(`/ws?token=${token}`))).rejects.toThrow();
      await expect(connect(warren.wsUrl(), bearer(token))).rejects.toThrow();
      await using peer = new StompPeer(warren.wsUrl(), { connectHeaders: { passcode: token } });
      peer.connected.catch(() => undefined);
      await peer.failed;
    }
    await using renewing = new StompPeer(warren.wsUrl(), { connectHeaders: { passcode: good } });
    await renewing.connected;
    await renewing.sendSafely("/auth", hs256(claims({ exp: nowS() + 900 }), secret));
    const { metrics } = { metrics: await (await fetch(new URL("/metrics", warren.url))).text() };
    expect(await warren.stop()).toBe(0);
    const written = JSON.stringify(warren.log);
    expect(written).toInclude("hello");
    for (const token of [good, bad, ended])
      for (const part of token.split(".").slice(1)) expect([written, metrics].join()).not.toInclude(part);
    expect(written).not.toInclude(secret);
  });

  test("takes over a new secret on SIGHUP, keeps the old one if the file is bad, and drops nobody", async () => {
    const path = file("rotated", secret);
    const next = "another secret of more than thirty-two bytes";
    await using warren = await startWarren(["--auth", "jwt", "--jwt-secret-file", path]);
    await using anna = await connect(warren.wsUrl(), bearer(hs256(claims(), secret)));
    file("rotated", "short");
    warren.signal("SIGHUP");
    const { reason } = await warren.waitForLog(({ level }) => level === "error", "the file was rejected");
    expect(reason).toInclude("has 5 bytes");
    warren.signal("SIGHUP");
    await warren.waitForLog(
      ({ level }) => warren.log.filter((line) => line.level === level && level === "error").length === 2,
      "it was rejected again",
    );
    expect(JSON.stringify(warren.log)).not.toInclude("read again");
    expect(await isAccepted(warren, hs256(claims(), secret))).toBe(true);
    file("rotated", next);
    warren.signal("SIGHUP");
    await until(() => isAccepted(warren, hs256(claims(), next)), "the new secret is in force");
    await warren.waitForLog(({ msg }) => msg === "the keys were read again", "the operator is told");
    expect(await isAccepted(warren, hs256(claims(), secret))).toBe(false);
    anna.send("still here");
    expect(await anna.next()).toBe("processed message: still here");
  });

  test("checks tokens with a public key, over TLS", async () => {
    const authority = await CertificateAuthority.create(folder);
    const { cert, key } = await authority.issue("warren");
    const ca = await Bun.file(authority.cert).text();
    const { publicKey, privateKey } = rsaPair();
    const tls = ["--tls-cert", cert, "--tls-key", key];
    await using warren = await startWarren([
      ...tls,
      "--auth",
      "jwt",
      "--jwt-public-key-file",
      file("key.pem", publicKey),
    ]);
    await using anna = await connect(warren.wsUrl(), {
      ca,
      ...bearer(signed(claims(), privateKey, "PS256")),
    });
    anna.send("hello");
    expect(await anna.next()).toBe("processed message: hello");
    await expect(connect(warren.wsUrl(), { ca, ...bearer(hs256(claims(), publicKey)) })).rejects.toThrow();
  });

  test("fetches a key set, and is ready when it has it", async () => {
    const { publicKey, privateKey } = ecPair("P-256");
    const jwk = { ...createPublicKey(publicKey).export({ format: "jwk" }), kid: "one" };
    let isThere = false;
    using issuer = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () => (isThere ? Response.json({ keys: [jwk] }) : new Response(null, { status: 500 })),
    });
    await using warren = await startWarren(["--auth", "jwt", "--jwks-url", issuer.url.href]);
    const readyz = await fetch(new URL("/readyz", warren.url));
    expect([readyz.status, await readyz.json()]).toEqual([
      503,
      { ready: false, why: "the keys to check tokens with are not there yet" },
    ]);
    const token = signed(claims(), privateKey, "ES256", { kid: "one" });
    await using peer = new StompPeer(warren.wsUrl(), { connectHeaders: { passcode: token } });
    peer.connected.catch(() => undefined);
    expect(await peer.closed).toBe(4503);
    isThere = true;
    await warren.waitUntilReady();
    expect(await isAccepted(warren, token)).toBe(true);
    expect(
      await isAccepted(warren, signed(claims(), ecPair("P-256").privateKey, "ES256", { kid: "one" })),
    ).toBe(false);
  });

  test.each([
    ["--jwt-secret-file", "short", "too short", "at least 32"],
    ["--jwt-public-key-file", "no-key", "no key", "has no public key in PEM format"],
    ["--jwt-secret-file", "key-as-secret", rsaPair().publicKey, "a public key goes to --jwt-public-key-file"],
  ])("with a %s that cannot be used (%s) is one line and exit 1", async (flag, name, text, why) => {
    const warren = await startWarren(["--auth", "jwt", flag, file(name, text)], { readyWhen: "running" });
    expect(await warren.exited).toBe(1);
    expect(warren.log).toHaveLength(1);
    expect(warren.log[0]!.msg).toInclude(`${flag} ${join(folder, name)} `);
    expect(warren.log[0]!.msg).toInclude(why);
  });

  test("without keys is a usage error", async () => {
    const warren = await startWarren(["--auth", "jwt"], { readyWhen: "running" });
    expect(await warren.exited).toBe(2);
    expect(warren.log[0]!.msg).toInclude("--auth jwt needs exactly one of");
  });
});
