import { describe, expect, test } from "bun:test";
import { createPublicKey } from "node:crypto";
import { errors } from "jose";
import type { Grant } from "../../../../src/gateway/auth/grant.ts";
import { type Keys, publicKeys, secretKeys } from "../../../../src/gateway/auth/keys.ts";
import { TokenRefusal } from "../../../../src/gateway/auth/token-refusal.ts";
import {
  type KeySource,
  type TokenRules,
  Tokens,
  waitingForKeysMax,
} from "../../../../src/gateway/auth/tokens.ts";
import { until } from "../../../support/wait.ts";
import { claims, ecPair, ed25519Pair, encode, hs256, nowS, rsaPair, signed } from "./signing.ts";

const secret = "a secret of more than thirty-two bytes";
const rsa = rsaPair();
/** Pairs of somebody else. A pair takes a tenth of a second to make. */
const [stranger, third] = [rsaPair(), rsaPair()];
const short = rsaPair(1024);
const ec = ecPair("P-256");

function fixed(keys: Keys | undefined): KeySource {
  return { keys, renew: () => Promise.resolve(false) };
}

const anyone: TokenRules = { issuer: undefined, audience: undefined, claim: "warren", leewayMs: 5000 };
const bySecret = async (rules: Partial<TokenRules> = {}, key: string | Buffer = secret) =>
  new Tokens(fixed(await secretKeys(Buffer.from(key))), { ...anyone, ...rules });
const byPublicKey = (pem: string) => new Tokens(fixed(publicKeys(Buffer.from(pem))), anyone);

async function granted(tokens: Tokens, token: string): Promise<Grant> {
  const grant = await tokens.verify(token);
  if (grant instanceof TokenRefusal) throw new Error(`refused: ${grant.kind}: ${grant.why}`);
  return grant;
}

/** Why it is refused. What is said has nothing of the token in it. */
async function refused(tokens: Tokens, token: string): Promise<string> {
  const refusal = await tokens.verify(token);
  if (!(refusal instanceof TokenRefusal)) throw new Error(`granted to ${refusal.user}`);
  for (const part of token.split(".")) if (part.length > 8) expect(refusal.why).not.toInclude(part);
  return refusal.kind;
}

describe("a token that is valid", () => {
  test("says who the client is, what it may do, and until when", async () => {
    const exp = nowS() + 600;
    const token = hs256({ sub: "anna", exp, warren: { publish: ["a.*"], subscribe: ["b.#"] } }, secret);
    const { user, permissions, expiresAtMs } = await granted(await bySecret(), token);
    expect(user).toBe("anna");
    expect([permissions.mayPublish("a.x"), permissions.mayPublish("b")]).toEqual([true, false]);
    expect([permissions.maySubscribe("b.*"), permissions.maySubscribe("a.x")]).toEqual([true, false]);
    expect(expiresAtMs).toBeGreaterThanOrEqual(exp * 1000);
    expect(expiresAtMs).toBeLessThanOrEqual((exp + 5) * 1000);
  });

  test("without exp does not end, and without the claim may do nothing", async () => {
    const grant = await granted(await bySecret(), hs256({ sub: "anna" }, secret));
    expect(grant.expiresAtMs).toBe(Number.POSITIVE_INFINITY);
    expect([grant.permissions.mayPublish(""), grant.permissions.maySubscribe("")]).toEqual([false, false]);
  });

  test("may have its rights in a claim of another name", async () => {
    const tokens = await bySecret({ claim: "https://id.example/rights" });
    const grant = await granted(
      tokens,
      hs256({ sub: "a", "https://id.example/rights": { publish: ["x"] } }, secret),
    );
    expect(grant.permissions.mayPublish("x")).toBe(true);
  });

  test.each(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])("may be signed by %s", async (alg) => {
    expect((await granted(byPublicKey(rsa.publicKey), signed(claims(), rsa.privateKey, alg))).user).toBe(
      "anna",
    );
  });

  test.each([
    ["ES256", "P-256"],
    ["ES384", "P-384"],
    ["ES512", "P-521"],
  ])("may be signed by %s", async (alg, curve) => {
    const { publicKey, privateKey } = ecPair(curve);
    expect((await granted(byPublicKey(publicKey), signed(claims(), privateKey, alg))).user).toBe("anna");
  });

  test.each(["EdDSA", "Ed25519"])("may be signed by %s", async (alg) => {
    const { publicKey, privateKey } = ed25519Pair();
    expect((await granted(byPublicKey(publicKey), signed(claims(), privateKey, alg))).user).toBe("anna");
  });

  test("may name the audience and the issuer that are asked for", async () => {
    const tokens = await bySecret({ issuer: ["https://id.example"], audience: ["warren", "other"] });
    const token = (more: object) =>
      hs256(claims({ iss: "https://id.example", aud: "warren", ...more }), secret);
    expect((await granted(tokens, token({}))).user).toBe("anna");
    expect((await granted(tokens, token({ aud: ["x", "other"] }))).user).toBe("anna");
    expect(await refused(tokens, token({ iss: "https://id.example.org" }))).toBe("issuer");
    expect(await refused(tokens, token({ iss: undefined }))).toBe("issuer");
    expect(await refused(tokens, token({ iss: ["https://id.example"] }))).toBe("issuer");
    expect(await refused(tokens, token({ aud: "warre" }))).toBe("audience");
    expect(await refused(tokens, token({ aud: undefined }))).toBe("audience");
    expect(await refused(await bySecret(), token({}))).toBe("audience");
  });

  test("is good for as long after its end, and as long before its beginning, as the leeway says", async () => {
    const [strict, lax] = [await bySecret({ leewayMs: 0 }), await bySecret({ leewayMs: 120_000 })];
    for (const more of [{ exp: nowS() - 60 }, { nbf: nowS() + 60 }]) {
      const token = hs256(claims(more), secret);
      expect(["expired", "notYetValid"]).toContain(await refused(strict, token));
      expect((await granted(lax, token)).user).toBe("anna");
    }
    const exp = nowS() + 60;
    const { expiresAtMs } = await granted(lax, hs256(claims({ exp }), secret));
    expect(expiresAtMs).toBe(exp * 1000 + 120_000);
  });

  test("may be signed by any of the keys of a file", async () => {
    const other = ecPair("P-256");
    const tokens = byPublicKey(`${rsa.publicKey}\n${other.publicKey}${third.publicKey}`);
    for (const token of [
      signed(claims(), rsa.privateKey, "RS256"),
      signed(claims(), third.privateKey, "PS512"),
      signed(claims(), other.privateKey, "ES256"),
    ])
      expect((await granted(tokens, token)).user).toBe("anna");
    expect(await refused(tokens, signed(claims(), stranger.privateKey, "RS256"))).toBe("signature");
    expect(await refused(tokens, signed(claims(), ed25519Pair().privateKey, "EdDSA"))).toBe("algorithm");
    expect(await refused(tokens, hs256(claims(), rsa.publicKey))).toBe("algorithm");
  });

  test("may be signed by any of the secrets of a file, one on each line, or by all of it", async () => {
    const [first, second] = ["first secret ".repeat(3), "another secret ".repeat(3)];
    const file = `${first}\r\n${second}\n`;
    const tokens = await bySecret({}, file);
    for (const key of [first, second, `${first}\r\n${second}`])
      expect((await granted(tokens, hs256(claims(), key))).user).toBe("anna");
    expect(await refused(tokens, hs256(claims(), `${first}x`))).toBe("signature");
    // Where a line is too short for a secret, it is a part of one.
    const wrapped = `${"x".repeat(64)}\nyyyy`;
    expect((await granted(await bySecret({}, wrapped), hs256(claims(), wrapped))).user).toBe("anna");
    expect(await refused(await bySecret({}, wrapped), hs256(claims(), "x".repeat(64)))).toBe("signature");
  });

  test("is checked by what a file has after a byte-order mark", async () => {
    const marked = (text: string) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(text)]);
    expect((await granted(await bySecret({}, marked(secret)), hs256(claims(), secret))).user).toBe("anna");
    const tokens = new Tokens(fixed(publicKeys(marked(rsa.publicKey))), anyone);
    expect((await granted(tokens, signed(claims(), rsa.privateKey, "RS256"))).user).toBe("anna");
  });

  test("has the bytes of the secret's file as its secret, without the line end", async () => {
    const bytes = Buffer.from([...Array(40).keys()].map((each) => 255 - each));
    const tokens = await bySecret({}, Buffer.concat([bytes, Buffer.from("\n")]));
    expect((await granted(tokens, hs256(claims(), bytes))).user).toBe("anna");
  });
});

describe("an attack", () => {
  test.each(["none", "None", "NONE", "nOnE", ""])(
    "with the algorithm %p and no signature is refused",
    async (alg) => {
      const unsigned = `${encode({ alg, typ: "JWT" })}.${encode(claims())}.`;
      for (const tokens of [await bySecret(), byPublicKey(rsa.publicKey)]) {
        expect(["algorithm", "malformed"]).toContain(await refused(tokens, unsigned));
      }
    },
  );

  test("that takes the public key for an HMAC secret is refused", async () => {
    const der = createPublicKey(rsa.publicKey).export({ type: "spki", format: "der" });
    for (const secretOfAttacker of [rsa.publicKey, rsa.publicKey.trim(), der]) {
      const forged = hs256(claims(), secretOfAttacker);
      expect(await refused(byPublicKey(rsa.publicKey), forged)).toBe("algorithm");
    }
  });

  test("with a key of another kind than the one configured is refused", async () => {
    expect(await refused(byPublicKey(rsa.publicKey), signed(claims(), ec.privateKey, "ES256"))).toBe(
      "algorithm",
    );
    expect(await refused(byPublicKey(ec.publicKey), signed(claims(), rsa.privateKey, "RS256"))).toBe(
      "algorithm",
    );
    expect(await refused(await bySecret(), signed(claims(), rsa.privateKey, "RS256"))).toBe("algorithm");
    // 38 bytes are not enough for these, RFC 7518, section 3.2.
    expect(await refused(await bySecret(), hs256(claims(), secret, { alg: "HS512" }))).toBe("algorithm");
  });

  test("with another key, or a signature that is changed, cut or left out, is refused", async () => {
    const tokens = await bySecret();
    const token = hs256(claims(), secret);
    const [header, payload, signature] = token.split(".") as [string, string, string];
    expect(await refused(tokens, hs256(claims(), `${secret}.`))).toBe("signature");
    expect(await refused(tokens, `${header}.${payload}.`)).toBe("signature");
    expect(await refused(tokens, `${header}.${payload}.${signature.slice(0, -4)}`)).toBe("signature");
    const other = signature.startsWith("A") ? "B" : "A";
    expect(await refused(tokens, `${header}.${payload}.${other}${signature.slice(1)}`)).toBe("signature");
    expect(await refused(byPublicKey(rsa.publicKey), signed(claims(), stranger.privateKey, "RS256"))).toBe(
      "signature",
    );
    const zeros = Buffer.alloc(64).toString("base64url");
    const es256 = signed(claims(), ec.privateKey, "ES256").split(".");
    expect(await refused(byPublicKey(ec.publicKey), `${es256[0]}.${es256[1]}.${zeros}`)).toBe("signature");
  });

  test("that changes what was signed is refused", async () => {
    const tokens = await bySecret();
    const [header, , signature] = hs256(claims(), secret).split(".");
    expect(await refused(tokens, `${header}.${encode(claims({ sub: "admin" }))}.${signature}`)).toBe(
      "signature",
    );
    const [, payload] = hs256(claims(), secret).split(".");
    const otherHeader = encode({ alg: "HS256", typ: "JWT", kid: "x" });
    expect(await refused(tokens, `${otherHeader}.${payload}.${signature}`)).toBe("signature");
  });

  test("with a key of its own in the header gets nowhere", async () => {
    const mine = stranger;
    const jwk = createPublicKey(mine.publicKey).export({ format: "jwk" });
    const tokens = byPublicKey(rsa.publicKey);
    let wasAsked = false;
    using server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch() {
        wasAsked = true;
        return Response.json({ keys: [jwk] });
      },
    });
    for (const header of [
      { jwk },
      { jku: server.url.href },
      { x5u: server.url.href },
      { x5c: [mine.publicKey] },
    ]) {
      expect(await refused(tokens, signed(claims(), mine.privateKey, "RS256", header))).toBe("signature");
      // They harm nobody either, where the signature is good.
      expect((await granted(tokens, signed(claims(), rsa.privateKey, "RS256", header))).user).toBe("anna");
    }
    expect(wasAsked).toBe(false);
  });

  test.each([
    "../../../../../../dev/null",
    "/dev/null",
    "' OR 1=1 --",
    "http://127.0.0.1/",
    "a".repeat(2000),
    7,
    null,
  ])("with the kid %p reads no file and asks nobody: the key is the one configured", async (kid) => {
    const tokens = await bySecret();
    expect(await refused(tokens, hs256(claims(), "", { kid }))).toBe("signature");
    expect((await granted(tokens, hs256(claims(), secret, { kid }))).user).toBe("anna");
  });

  test("with extensions that are not understood is refused", async () => {
    const tokens = await bySecret();
    for (const header of [
      { crit: ["x"], x: 1 },
      { crit: ["exp"], exp: 1 },
      { crit: [] },
      { crit: "b64" },
      { crit: ["b64"], b64: false },
    ]) {
      expect(await refused(tokens, hs256(claims(), secret, header))).toBe("malformed");
    }
  });

  test.each([
    ["expired", { exp: nowS() - 60 }],
    ["expired", { exp: 0 }],
    ["expired", { exp: -1e300 }],
    ["notYetValid", { nbf: nowS() + 3600 }],
    ["malformed", { exp: `${nowS() + 600}` }],
    ["malformed", { exp: null }],
    ["malformed", { nbf: "never" }],
  ])("with a time that is not now is refused as %s: %j", async (kind, more) => {
    expect(await refused(await bySecret(), hs256(claims(more), secret))).toBe(kind);
  });

  test.each([
    undefined,
    null,
    "",
    7,
    [["anna"]],
    { toString: "anna" },
    "x".repeat(256),
    "é".repeat(128),
    "a\u0000b",
    "a\nb",
    "anna\u0085",
    "\u001b[2J",
    "a\u007f",
    "\ud800",
    "anna\udfff",
  ])("with a sub that is no client id is refused: %j", async (sub) => {
    expect(await refused(await bySecret(), hs256(claims({ sub }), secret))).toBe("subject");
  });

  test.each(["x".repeat(255), "é".repeat(127), "𝄞", "__proto__", "constructor", "a b", "../../etc"])(
    "may be no more than an unusual name: %j",
    async (sub) => {
      expect((await granted(await bySecret(), hs256(claims({ sub }), secret))).user).toBe(sub);
    },
  );

  test("with a claim of rights that is malformed is refused", async () => {
    for (const warren of [
      null,
      "#",
      { publish: "#" },
      { publish: [["#"]] },
      { subscribe: Array(101).fill("a") },
    ])
      expect(await refused(await bySecret(), hs256(claims({ warren }), secret))).toBe("claim");
  });

  test("that is too long is not looked at", async () => {
    const token = hs256(claims({ padding: "x".repeat(8192) }), secret);
    expect(await refused(await bySecret(), token)).toBe("oversize");
    expect(await refused(await bySecret(), "x".repeat(10 * 1024 ** 2))).toBe("oversize");
  });

  test("that is no token at all is refused", async () => {
    const tokens = await bySecret();
    const [header, payload, signature] = hs256(claims(), secret).split(".") as [string, string, string];
    for (const token of [
      "x",
      "..",
      "...",
      "guest",
      `${header}.${payload}`,
      `${header}.${payload}.${signature}.${signature}`,
      `${header}.${payload}.${signature}.`,
      `${header}.${header}.${payload}.${signature}`,
      `${header}.${payload}.${signature}.${payload}.${signature}`,
      `${payload}.${payload}.${signature}`,
      `.${payload}.${signature}`,
      `${header}.${payload}.${signature} `,
      `${header}.${payload}.${signature}=`,
      JSON.stringify({ protected: header, payload, signature }),
      "\u0000.\u0000.\u0000",
      "é.é.é",
    ]) {
      expect(["malformed", "signature"]).toContain(await refused(tokens, token));
    }
    for (const part of ["[]", "null", '"a"', "7", "{"]) {
      expect(await refused(tokens, hs256(part, secret))).toBe("malformed");
    }
    expect(await refused(tokens, "")).toBe("missing");
  });

  test("by prototype does nothing", async () => {
    const payload = `{"sub":"anna","__proto__":{"warren":{"publish":["#"]}},"exp":${nowS() + 600}}`;
    const grant = await granted(await bySecret(), hs256(payload, secret));
    expect(grant.permissions.mayPublish("a")).toBe(false);
  });
});

test("without keys no token is accepted, and the client may come again", async () => {
  const refusal = await new Tokens(fixed(undefined), anyone).verify(hs256(claims(), secret));
  expect(refusal).toMatchObject({ kind: "noKeys", name: "noKeys" });
});

test("a flood of tokens with made-up keys waits for a slow provider only in part, and tokens of known keys do not wait at all", async () => {
  const known = publicKeys(Buffer.from(ec.publicKey));
  const renewals: ((hasOthers: boolean) => void)[] = [];
  const keys: Keys = {
    ...known,
    find: (header, token) => {
      if (header.kid === "made up") throw new errors.JWKSNoMatchingKey();
      return known.find(header, token);
    },
  };
  const renew = () => new Promise<boolean>((resolve) => renewals.push(resolve));
  const tokens = new Tokens({ keys, renew }, anyone);
  const bogus = signed(claims(), ec.privateKey, "ES256", { kid: "made up" });
  const flood = Array.from({ length: waitingForKeysMax + 50 }, () => tokens.verify(bogus));
  const turnedAway = await Promise.all(flood.slice(waitingForKeysMax));
  expect(turnedAway.every((refusal) => refusal instanceof TokenRefusal && refusal.kind === "noKeys")).toBe(
    true,
  );
  expect(renewals.length).toBe(waitingForKeysMax);
  await granted(tokens, signed(claims(), ec.privateKey, "ES256"));
  for (const resolve of renewals.splice(0)) resolve(false);
  const waited = await Promise.all(flood.slice(0, waitingForKeysMax));
  expect(waited.every((refusal) => refusal instanceof TokenRefusal && refusal.kind === "key")).toBe(true);
  const late = tokens.verify(bogus);
  await until(() => renewals.length === 1, "there is room again");
  renewals[0]!(false);
  expect(await late).toMatchObject({ kind: "key" });
});

describe("a key that cannot be used", () => {
  test("is text in UTF-16", async () => {
    const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(secret, "utf16le")]);
    const failure = await secretKeys(utf16).catch((error: unknown) => error);
    expect(String(failure)).toInclude("UTF-16");
  });

  test.each([
    ["", "has 0 bytes"],
    ["\ufeff", "has 0 bytes"],
    ["x".repeat(31), "has 31 bytes"],
    [rsa.publicKey, "has a key in PEM format"],
  ])("is no secret: %j", async (file, message) => {
    const failure = await secretKeys(Buffer.from(file)).catch((error: unknown) => error);
    expect(String(failure)).toInclude(message);
  });

  test.each([
    [
      "a good one and one that cannot be read",
      `${rsa.publicKey}${rsa.publicKey.replace(/.{40}\n/, "\n")}`,
      "cannot be read",
    ],
    ["a good one and a short one", `${rsa.publicKey}${short.publicKey}`, "of a kind that tokens"],
    ["nothing", "", "has no public key"],
    ["a secret", secret, "has no public key"],
    ["a short RSA key", short.publicKey, "of a kind that tokens are not signed with"],
    [
      "a curve that tokens do not use",
      ecPair("P-224").publicKey,
      "of a kind that tokens are not signed with",
    ],
    [
      "a private key",
      rsa.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      "has a private key",
    ],
  ])("is no public key: %s", (_, file, message) => {
    expect(() => publicKeys(Buffer.from(file))).toThrow(message);
  });
});
