import { createHmac, createPrivateKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

export const nowS = () => Math.floor(Date.now() / 1000);

/** Claims of a token that is accepted and may do everything. */
export const claims = (more: Record<string, unknown> = {}) => ({
  sub: "anna",
  exp: nowS() + 600,
  warren: { publish: ["#"], subscribe: ["#"] },
  ...more,
});

export const encode = (part: unknown) =>
  Buffer.from(typeof part === "string" ? part : JSON.stringify(part)).toString("base64url");

/** Tokens made by hand rather than by jose, so that they can be wrong in any way. */
export function hs256(
  payload: unknown,
  secret: string | Buffer,
  header: Record<string, unknown> = {},
): string {
  const input = `${encode({ alg: "HS256", typ: "JWT", ...header })}.${encode(payload)}`;
  return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
}

export function signed(
  payload: unknown,
  key: KeyObject,
  alg: string,
  header: Record<string, unknown> = {},
): string {
  const input = Buffer.from(`${encode({ alg, ...header })}.${encode(payload)}`);
  const hash = alg.startsWith("Ed") ? null : `sha${alg.slice(2)}`;
  const padding = alg.startsWith("PS") ? { padding: 6, saltLength: Number(alg.slice(2)) / 8 } : {};
  return `${input}.${sign(hash, input, { key, dsaEncoding: "ieee-p1363", ...padding }).toString("base64url")}`;
}

export interface KeyPair {
  readonly privateKey: KeyObject;
  /** PEM */
  readonly publicKey: string;
}

const pem = {
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
} as const;

function pairOf({ privateKey, publicKey }: { privateKey: string; publicKey: string }): KeyPair {
  return { privateKey: createPrivateKey(privateKey), publicKey };
}

export const rsaPair = (bits = 2048) => pairOf(generateKeyPairSync("rsa", { modulusLength: bits, ...pem }));
export const ecPair = (namedCurve: string) => pairOf(generateKeyPairSync("ec", { namedCurve, ...pem }));
export const ed25519Pair = () => pairOf(generateKeyPairSync("ed25519", pem));
