import { createPublicKey, type KeyObject } from "node:crypto";
import type { CryptoKey, JWTVerifyGetKey } from "jose";
import { NotAKey } from "./not-a-key.ts";

/** How a token is checked: with which key, and by which algorithms. These follow from the key, never from the token. */
export interface Keys {
  readonly algorithms: readonly string[];
  /** One of them. It throws what jose throws if there is none for the token's header. */
  readonly find: JWTVerifyGetKey;
}

/** RFC 7518, section 3.2: a key has at least as many bits as the hash. */
const secretBytesLeast = { HS256: 32, HS384: 48, HS512: 64 } as const;

/**
 * A secret shared with whoever makes the tokens: the bytes of the file, without a line end at its end.
 *
 * @throws NotAKey
 */
export async function secretKeys(file: Buffer): Promise<Keys> {
  const secret = withoutLineEnd(file);
  if (secret.includes("-----BEGIN ")) {
    throw new NotAKey(
      "has a key in PEM format, which is no secret: a public key goes to --jwt-public-key-file",
    );
  }
  const algorithms = Object.entries(secretBytesLeast).filter(([, least]) => secret.byteLength >= least);
  if (algorithms.length === 0) {
    throw new NotAKey(
      `has ${secret.byteLength} bytes: a secret has at least ${secretBytesLeast.HS256} (64 for HS512), such as openssl rand -base64 48 prints`,
    );
  }
  const keys = new Map<string, CryptoKey>();
  for (const [algorithm] of algorithms) {
    const hash = `SHA-${algorithm.slice(2)}`;
    keys.set(
      algorithm,
      await crypto.subtle.importKey("raw", new Uint8Array(secret), { name: "HMAC", hash }, false, ["verify"]),
    );
  }
  // jose asks only for algorithms that are allowed.
  return { algorithms: [...keys.keys()], find: ({ alg }) => keys.get(alg)! };
}

/**
 * A public key in PEM format, or the certificate that has it.
 *
 * @throws NotAKey
 */
export function publicKeys(file: Buffer): Keys {
  const pem = file.toString("latin1");
  if (pem.includes("PRIVATE KEY-----")) {
    throw new NotAKey("has a private key, which belongs to whoever makes the tokens: name the public one");
  }
  let key: KeyObject;
  try {
    key = createPublicKey(file);
  } catch {
    throw new NotAKey("has no public key in PEM format (-----BEGIN PUBLIC KEY-----)");
  }
  const algorithms = algorithmsOf(key);
  if (algorithms.length === 0) {
    throw new NotAKey(
      "has a key of a kind that tokens are not signed with: RSA of 2048 bits or more, EC on P-256, P-384 or P-521, and Ed25519 are",
    );
  }
  return { algorithms, find: () => key };
}

const rsaBitsLeast = 2048;
const ofCurve: Readonly<Record<string, readonly string[]>> = {
  prime256v1: ["ES256"],
  secp384r1: ["ES384"],
  secp521r1: ["ES512"],
};

/** What a key of this kind signs with. */
function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails: details }: KeyObject): readonly string[] {
  switch (asymmetricKeyType) {
    case "rsa":
      return (details?.modulusLength ?? 0) < rsaBitsLeast ? [] : rsaAlgorithms;
    case "ec":
      return ofCurve[details?.namedCurve ?? ""] ?? [];
    case "ed25519":
      return edAlgorithms;
    default:
      return [];
  }
}

const rsaAlgorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
const edAlgorithms = ["EdDSA", "Ed25519"];

/** Those of all public keys. */
export const publicAlgorithms: readonly string[] = [
  ...rsaAlgorithms,
  ...Object.values(ofCurve).flat(),
  ...edAlgorithms,
];

function withoutLineEnd(file: Buffer): Buffer {
  const text = file.toString("latin1");
  return Buffer.from(text.replace(/\r?\n$/, ""), "latin1");
}
