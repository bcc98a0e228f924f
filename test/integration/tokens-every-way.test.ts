import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { createPublicKey } from "node:crypto";
import { Auth } from "../../src/gateway/auth/auth.ts";
import { optionsOf, QuietLogger, type System, startSystem } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";
import { claims, ecPair, encode, hs256, nowS, rsaPair, signed } from "../unit/gateway/auth/signing.ts";

setDefaultTimeout(integrationTimeoutMs);

const ec = ecPair("P-256");
const rsa = rsaPair();
const stranger = ecPair("P-256");
const jwkOf = ({ publicKey }: { readonly publicKey: string }, kid: string) => ({
  ...createPublicKey(publicKey).export({ format: "jwk" }),
  kid,
});
const keySet = { keys: [jwkOf(ec, "ec"), jwkOf(rsa, "rsa")] };

let issuer: Bun.Server<undefined>;
let system: System;
beforeAll(async () => {
  issuer = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => Response.json(keySet) });
  const args = [
    "--auth",
    "jwt",
    "--jwks-url",
    issuer.url.href,
    "--jwt-issuer",
    "me",
    "--jwt-audience",
    "here",
  ];
  const auth = await Auth.open(optionsOf(...args), new QuietLogger());
  system = startSystem(args, ({ text }) => `answer to ${text}`, auth);
  await until(() => auth.hasKeys, "the keys are there");
});
afterAll(async () => {
  await system[Symbol.asyncDispose]();
  await issuer.stop(true);
});

type Verdict = "let in" | "not known" | "not allowed";
const verdictOf: Readonly<Record<number, Verdict>> = {
  101: "let in",
  200: "let in",
  204: "let in",
  401: "not known",
  403: "not allowed",
};
const upgrade = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

async function ask(path: string, init: RequestInit, token?: string): Promise<Verdict | undefined> {
  const url = new URL(path, system.url);
  if (token !== undefined) url.searchParams.set("token", token);
  const { status, body } = await fetch(url, init);
  await body?.cancel();
  return verdictOf[status];
}
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** By STOMP's CONNECT, and then a SEND to a topic of which the token has to tell. */
async function byConnect(token: string): Promise<Verdict | undefined> {
  const socket = new WebSocket(system.wsUrl("/ws"), ["v12.stomp"]);
  const closed = Promise.withResolvers<Verdict>();
  const confirmed = Promise.withResolvers<Verdict>();
  socket.addEventListener("open", () =>
    socket.send(
      `CONNECT\naccept-version:1.2\nhost:h\npasscode:${token}\n\n\0SEND\ndestination:/topic/a.b\nreceipt:r\n\nx\0`,
    ),
  );
  socket.addEventListener("message", ({ data }) => {
    if (String(data).startsWith("RECEIPT")) confirmed.resolve("let in");
  });
  socket.addEventListener("close", ({ code }) => closed.resolve(code === 4403 ? "not allowed" : "not known"));
  const verdict = await Promise.race([confirmed.promise, closed.promise]);
  socket.close();
  return verdict;
}

const ways: Readonly<Record<string, (token: string) => Promise<Verdict | undefined>>> = {
  "plain text": (token) => ask("/ws?topic=a.b", { headers: upgrade }, token),
  "plain text to an app": (token) => ask("/ws?app=q", { headers: { ...upgrade, ...bearer(token) } }),
  "STOMP's CONNECT": byConnect,
  events: (token) => ask("/topics/a.b", { headers: { accept: "text/event-stream" } }, token),
  "a poll": (token) => ask("/topics/a.b?wait=1ms", { headers: bearer(token) }),
  "POST to a topic": (token) => ask("/topics/a.b", { method: "POST", body: "x", headers: bearer(token) }),
  "POST to an app": (token) => ask("/app/q", { method: "POST", body: "x" }, token),
};

const rights = { publish: ["a.*"], subscribe: ["a.#"], app: ["q"] };
const ours = (more: object = {}) => claims({ iss: "me", aud: "here", warren: rights, ...more });
const by = (payload: unknown, header: object = {}) =>
  signed(payload, ec.privateKey, "ES256", { kid: "ec", ...header });
const withHeader = (header: object, signature = "AA") => `${encode(header)}.${encode(ours())}.${signature}`;
/** JSON's numbers may be too large for JavaScript's. */
const raw = (name: string, value: string) =>
  by(JSON.stringify(ours({ [name]: 1 })).replace(`"${name}":1`, `"${name}":${value}`));
const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;

const tokens: Readonly<Record<string, readonly [Verdict, string]>> = {
  "a good one": ["let in", by(ours())],
  "one without kid": ["let in", signed(ours(), ec.privateKey, "ES256")],
  "one of the other key": ["let in", signed(ours(), rsa.privateKey, "PS256", { kid: "rsa" })],
  "one that names places for keys": [
    "let in",
    by(ours(), { x5u: "http://127.0.0.1:1/", jku: "http://127.0.0.1:1/" }),
  ],
  "one for several": ["let in", by(ours({ aud: ["there", "here"] }))],
  "one that never ends": ["let in", raw("exp", "1e400")],
  "one that ends in a distant age": ["let in", by(ours({ exp: 1e300 }))],
  "one without the claim": ["not allowed", by(ours({ warren: undefined }))],
  "one with rights to nothing": ["not allowed", by(ours({ warren: {} }))],
  "one with rights to other topics": [
    "not allowed",
    by(ours({ warren: { publish: ["a"], subscribe: ["a.b.c", "a.b.*"], app: ["qq", "q.*"] } })),
  ],
  "a kid of another kind": ["not known", by(ours(), { kid: "rsa" })],
  "a kid that is a number": ["not known", by(ours(), { kid: 7 })],
  "a kid that is a path": ["not known", by(ours(), { kid: "../../../dev/null" })],
  "a kid of JavaScript's": ["not known", by(ours(), { kid: "__proto__" })],
  "no algorithm": ["not known", withHeader({ alg: "none" }, "")],
  "no algorithm, in capitals": ["not known", withHeader({ alg: "NONE", kid: "ec" })],
  algorithms: ["not known", withHeader({ alg: ["ES256"], kid: "ec" })],
  "the public key as a secret, as PEM": ["not known", hs256(ours(), ec.publicKey, { kid: "ec" })],
  "the public key as a secret, as JWK": [
    "not known",
    hs256(ours(), JSON.stringify(keySet.keys[0]), { kid: "ec" }),
  ],
  "a signature of zeros": [
    "not known",
    withHeader({ alg: "ES256", kid: "ec" }, Buffer.alloc(64).toString("base64url")),
  ],
  "a stranger's signature": ["not known", signed(ours(), stranger.privateKey, "ES256", { kid: "ec" })],
  "an extension": ["not known", by(ours(), { crit: ["exp"] })],
  "an unencoded payload": ["not known", by(ours(), { crit: ["b64"], b64: false })],
  "an end that has passed": ["not known", by(ours({ exp: nowS() - 60 }))],
  "an end that is text": ["not known", by(ours({ exp: "9999999999" }))],
  "an end that is null": ["not known", by(ours({ exp: null }))],
  "a beginning to come": ["not known", by(ours({ nbf: nowS() + 900 }))],
  "a time of issue that is text": ["not known", by(ours({ iat: "now" }))],
  "a subject that is a list": ["not known", by(ours({ sub: ["anna"] }))],
  "a subject with a line end": ["not known", by(ours({ sub: "anna\n" }))],
  "a subject that is no Unicode": ["not known", by(ours({ sub: "\ud800" }))],
  issuers: ["not known", by(ours({ iss: ["me"] }))],
  "no issuer": ["not known", by(ours({ iss: undefined }))],
  "another audience": ["not known", by(ours({ aud: "there" }))],
  "an audience that is an object": ["not known", by(ours({ aud: { here: true } }))],
  "rights that are nested deeply": ["not known", by(ours({ warren: nested(1500) }))],
  "patterns that are numbers": ["not known", by(ours({ warren: { publish: [1] } }))],
  "more patterns than may be": [
    "not known",
    by(ours({ warren: { publish: Array.from({ length: 101 }, String) } })),
  ],
  "a list for claims": ["not known", by("[1]")],
  "null for claims": ["not known", by("null")],
  "claims that are nested deeply": ["not known", by(nested(2500))],
  "an encrypted one": ["not known", "a.b.c.d.e"],
  "more than is looked at": ["not known", `${"a".repeat(9000)}.b.c`],
};

test.each(Object.keys(tokens))("every way in judges alike of tokens: %s", async (name) => {
  const [verdict, token] = tokens[name]!;
  const verdicts = Object.entries(ways).map(async ([way, judge]) => [way, await judge(token)] as const);
  expect(Object.fromEntries(await Promise.all(verdicts))).toEqual(
    Object.fromEntries(Object.keys(ways).map((way) => [way, verdict])),
  );
});

test("nothing of this was a fault of the manager's", () => {
  expect(system.logger.complaints).toEqual([]);
});
