import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createPublicKey } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KeySet, type KeySetTiming } from "../../src/gateway/auth/key-set.ts";
import { TokenRefusal } from "../../src/gateway/auth/token-refusal.ts";
import { Tokens } from "../../src/gateway/auth/tokens.ts";
import { CertificateAuthority } from "../support/certificates.ts";
import { QuietLogger } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";
import { claims, ecPair, hs256, type KeyPair, rsaPair, signed } from "../unit/gateway/auth/signing.ts";

setDefaultTimeout(integrationTimeoutMs);

const old = { kid: "old", ...rsaPair() };
const fresh = { kid: "fresh", ...ecPair("P-256") };

type Named = KeyPair & { readonly kid?: string };

const jwkOf = ({ kid, publicKey }: Named) => ({
  ...createPublicKey(publicKey).export({ format: "jwk" }),
  ...(kid === undefined ? {} : { kid }),
});

const quick: KeySetTiming = {
  refreshMs: 600_000,
  cooldownMs: 0,
  timeoutMs: 5000,
  backoff: { firstMs: 5, mostMs: 20 },
};

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** An issuer whose answer tests change, and who counts how often it was asked. */
function issuer(answer: () => Response | Promise<Response>) {
  const state = { answer, asked: 0 };
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch() {
      state.asked++;
      return state.answer();
    },
  });
  closing.push(() => void server.stop(true));
  return Object.assign(state, { url: server.url.href });
}

const setOf =
  (...keys: Named[]) =>
  () =>
    Response.json({ keys: keys.map(jwkOf) });
const away = () => new Response("away", { status: 503 });

function follow(url: string, timing: Partial<KeySetTiming> = {}, caFile?: string) {
  const logger = new QuietLogger();
  const keySet = new KeySet(url, logger, { ...quick, ...timing }, caFile);
  closing.push(() => keySet.close());
  keySet.start();
  const tokens = new Tokens(keySet, { issuer: undefined, audience: undefined, claim: "warren", leewayMs: 0 });
  const verdict = async (token: string) => {
    const grant = await tokens.verify(token);
    return grant instanceof TokenRefusal ? grant.kind : "granted";
  };
  return {
    keySet,
    logger,
    verdict,
    ready: () => until(() => keySet.keys !== undefined, "the keys are there"),
  };
}

const byOld = (header = {}) => signed(claims(), old.privateKey, "RS256", { kid: "old", ...header });
const byFresh = (header = {}) => signed(claims(), fresh.privateKey, "ES256", { kid: "fresh", ...header });

describe("a key set behind a URL", () => {
  test("has the keys of all tokens that name one, and is asked once", async () => {
    const id = issuer(setOf(old, fresh));
    const { verdict, ready } = follow(id.url);
    await ready();
    for (let round = 0; round < 5; round++)
      expect([await verdict(byOld()), await verdict(byFresh())]).toEqual(["granted", "granted"]);
    expect(id.asked).toBe(1);
  });

  test("has each of its keys tried for a token that names none", async () => {
    const others = [rsaPair(), rsaPair()];
    const { verdict, ready } = follow(issuer(setOf(...others, old)).url);
    await ready();
    const token = signed(claims(), old.privateKey, "RS256");
    expect(await verdict(token)).toBe("granted");
    expect(await verdict(signed(claims(), rsaPair().privateKey, "RS256"))).toBe("signature");
  });

  test("is fetched again when a token names a key that is not there yet", async () => {
    const id = issuer(setOf(old));
    const { verdict, ready } = follow(id.url);
    await ready();
    id.answer = setOf(old, fresh);
    expect(await Promise.all([byFresh(), byFresh(), byFresh()].map(verdict))).toEqual(
      Array(3).fill("granted"),
    );
    expect(id.asked).toBe(2);
  });

  test("is not fetched for every made-up key", async () => {
    const id = issuer(setOf(old));
    const { verdict, ready } = follow(id.url, { cooldownMs: 600_000 });
    await ready();
    for (let key = 0; key < 50; key++) expect(await verdict(byFresh({ kid: `made-up-${key}` }))).toBe("key");
    expect(id.asked).toBe(1);
  });

  test("forgets a key that the issuer has withdrawn", async () => {
    const id = issuer(setOf(old, fresh));
    const { verdict, ready } = follow(id.url, { refreshMs: 10 });
    await ready();
    expect(await verdict(byOld())).toBe("granted");
    id.answer = setOf(fresh);
    await until(async () => (await verdict(byOld())) === "key", "the old key is not accepted");
    expect(await verdict(byFresh())).toBe("granted");
  });

  test("stays in force while the URL is away, and is followed again afterwards", async () => {
    const id = issuer(setOf(old));
    const { verdict, ready, logger } = follow(id.url, { refreshMs: 5 });
    await ready();
    id.answer = away;
    const asked = id.asked;
    await until(() => id.asked > asked + 3, "it was asked several times in vain");
    expect([await verdict(byOld()), await verdict(byFresh())]).toEqual(["granted", "key"]);
    expect(logger.complaints).toHaveLength(1);
    expect(logger.complaints[0]).toInclude("going on with the keys fetched before");
    id.answer = setOf(fresh);
    await until(async () => (await verdict(byFresh())) === "granted", "the new key is accepted");
  });

  test("that was never there yet grants nothing, and is asked until it is", async () => {
    const id = issuer(away);
    const { verdict, logger } = follow(id.url);
    await until(() => id.asked > 2, "it was asked several times in vain");
    expect(await verdict(byOld())).toBe("noKeys");
    id.answer = setOf(old);
    await until(async () => (await verdict(byOld())) === "granted", "the key is there");
    expect(logger.complaints).toHaveLength(1);
  });

  test("with a secret in it is no way to sign with HMAC", async () => {
    const secret = "a secret of more than thirty-two bytes";
    const k = Buffer.from(secret).toString("base64url");
    const id = issuer(() =>
      Response.json({ keys: [{ kty: "oct", k, kid: "secret", alg: "HS256" }, jwkOf(old)] }),
    );
    const { verdict, ready } = follow(id.url);
    await ready();
    expect(await verdict(hs256(claims(), secret, { kid: "secret" }))).toBe("algorithm");
    expect(await verdict(hs256(claims(), old.publicKey, { kid: "old" }))).toBe("algorithm");
    expect(await verdict(byOld())).toBe("granted");
  });

  test.each([
    ["null", null],
    ["a text", "key"],
    ["an RSA key without a modulus", { kty: "RSA", e: "AQAB", kid: "bad" }],
    ["a point that is not on its curve", { kty: "EC", crv: "P-256", x: "AAAA", y: "AAAA", kid: "bad" }],
    ["a kind of tomorrow", { kty: "AKP", alg: "ML-DSA-65", pub: "AAAA", kid: "bad" }],
    ["a key without a kind", { kid: "old" }],
    ["a private key", { ...old.privateKey.export({ format: "jwk" }), kid: "private" }],
  ])("with one that is %s beside good ones has the good ones", async (_, bad) => {
    const id = issuer(() => Response.json({ keys: [bad, jwkOf(old), jwkOf(fresh)] }));
    const { verdict, ready } = follow(id.url);
    await ready();
    expect([await verdict(byOld()), await verdict(byFresh())]).toEqual(["granted", "granted"]);
    // One that names no key has each tried.
    expect(await verdict(signed(claims(), fresh.privateKey, "ES256"))).toBe("granted");
  });

  test("says once which of its keys are left out, and has none if none can be read", async () => {
    const id = issuer(() => Response.json({ keys: [{ kty: "RSA", kid: "bad" }, jwkOf(old)] }));
    const { verdict, ready, logger } = follow(id.url, { refreshMs: 5 });
    await ready();
    const asked = id.asked;
    await until(() => id.asked > asked + 2, "it was asked again");
    expect(logger.complaints).toEqual(["keys of the key set cannot be used and are left out"]);
    id.answer = () => Response.json({ keys: [null, 7] });
    await until(() => logger.complaints.length === 2, "a set without keys is complained of");
    expect(await verdict(byOld())).toBe("granted");
  });

  test("is fetched from a host of a private authority that is named, and from no other", async () => {
    const folder = mkdtempSync(join(tmpdir(), "warren-jwks-"));
    closing.push(() => rmSync(folder, { recursive: true, force: true }));
    const authority = await CertificateAuthority.create(folder);
    const stranger = await CertificateAuthority.create(folder, "stranger");
    const { cert, key } = await authority.issue("id");
    const tls = { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", tls, fetch: setOf(old) });
    closing.push(() => void server.stop(true));
    const trusting = follow(server.url.href, {}, authority.cert);
    await trusting.ready();
    expect(await trusting.verdict(byOld())).toBe("granted");
    for (const ca of [undefined, stranger.cert]) {
      const { logger, keySet } = follow(server.url.href, {}, ca);
      await until(() => logger.complaints.length > 0, "it is refused");
      expect(keySet.keys).toBeUndefined();
    }
    expect(() => follow(server.url.href, {}, join(folder, "none"))).toThrow("--jwks-ca");
    expect(() => follow(server.url.href, {}, key)).toThrow("has no certificate in PEM format");
  });

  test("with a key that is too short does not accept it", async () => {
    const short = { kid: "short", ...rsaPair(1024) };
    const { verdict, ready } = follow(issuer(setOf(short)).url);
    await ready();
    expect(await verdict(signed(claims(), short.privateKey, "RS256", { kid: "short" }))).toBe("key");
  });

  test.each([
    ["is not JSON", () => new Response("<html>")],
    ["has no keys", () => Response.json({})],
    ["is endless", () => new Response("[".repeat(300 * 1024))],
    ["leads elsewhere", () => Response.redirect("http://127.0.0.1:1/")],
  ])("whose answer %s changes nothing", async (_, answer) => {
    const id = issuer(setOf(old));
    const { verdict, ready } = follow(id.url, { refreshMs: 5 });
    await ready();
    id.answer = answer;
    const asked = id.asked;
    await until(() => id.asked > asked + 2, "it was asked again");
    expect(await verdict(byOld())).toBe("granted");
  });

  test("is not waited for longer than the time for it, and not at all after the end", async () => {
    const never = Promise.withResolvers<Response>();
    closing.push(() => never.resolve(away()));
    const id = issuer(() => never.promise);
    const { keySet, logger } = follow(`${id.url.replace("//", "//user:hidden@")}keys`, { timeoutMs: 50 });
    await until(() => logger.complaints.length > 0, "it was given up");
    expect(logger.complaints.join()).not.toInclude("hidden");
    keySet.close();
    expect(await keySet.renew()).toBe(false);
  });
});
