import { createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import { type CryptoKey, errors, type JWTVerifyGetKey } from "jose";

/** Thrown for a key file that cannot be used. The message completes "FILE …". */
export class NotAKey extends Error {
  override readonly name = "NotAKey";
}

/** How a token is checked: with which keys and algorithms. These depend on the keys, never on the token. */
export interface Keys {
  /** The algorithms for these keys. */
  readonly algorithms: readonly string[];
  /** Finds the key for a token's header. It throws what jose throws if there is none. */
  readonly find: JWTVerifyGetKey;
}

/** RFC 7518, section 3.2: a key has at least as many bits as the hash. */
const secretBytesLeast = { HS256: 32, HS384: 48, HS512: 64 } as const;

/**
 * A secret that the issuer of the tokens shares: the bytes of the file, without a byte-order mark and a line end. A file of several lines
 * that are long enough may contain several secrets. Then each line counts as one, and so does the whole.
 *
 * @throws NotAKey
 */
export async function secretKeys(file: Buffer): Promise<Keys> {
  const whole = trimmed(withoutMark(file));
  if (whole.includes("-----BEGIN ")) {
    throw new NotAKey(
      "has a key in PEM format, which is no secret: a public key goes to --jwt-public-key-file",
    );
  }
  const keys = new Map<string, CryptoKey[]>();
  for (const secret of [whole, ...linesOf(whole)]) {
    for (const [algorithm, least] of Object.entries(secretBytesLeast)) {
      if (secret.byteLength < least) continue;
      const hash = `SHA-${algorithm.slice(2)}`;
      const key = await crypto.subtle.importKey(
        "raw",
        new Uint8Array(secret),
        { name: "HMAC", hash },
        false,
        ["verify"],
      );
      keys.set(algorithm, [...(keys.get(algorithm) ?? []), key]);
    }
  }
  if (keys.size === 0) {
    throw new NotAKey(
      `has ${whole.byteLength} bytes: a secret has at least ${secretBytesLeast.HS256} (64 for HS512), such as openssl rand -base64 48 prints`,
    );
  }
  return { algorithms: [...keys.keys()], find: ({ alg }) => oneOf(keys.get(alg) ?? []) };
}

/** The secrets of a file with one on each line; none if a line is too short to be one. */
function linesOf(file: Buffer): readonly Buffer[] {
  const lines = file
    .toString("latin1")
    .split(/\r?\n/)
    .filter((line) => line !== "")
    .map((line) => Buffer.from(line, "latin1"));
  const areSecrets = lines.every(({ byteLength }) => byteLength >= secretBytesLeast.HS256);
  return lines.length > 1 && areSecrets ? lines : [];
}

/**
 * Public keys in PEM format, or certificates with them. There may be several, while keys are being changed.
 *
 * @throws NotAKey
 */
export function publicKeys(file: Buffer): Keys {
  const pem = withoutMark(file).toString("latin1");
  if (pem.includes("PRIVATE KEY-----")) {
    throw new NotAKey("has a private key, which belongs to the maker of the tokens: name the public one");
  }
  const blocks = pem.match(/-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g) ?? [];
  const keys = signersOf(blocks);
  if (keys.length === 0) throw new NotAKey("has no public key in PEM format (-----BEGIN PUBLIC KEY-----)");
  // A file that is just being written must not take a key out of force.
  if (pem.split("-----BEGIN ").length - 1 > blocks.length)
    throw new NotAKey("has a key in PEM format that is cut off: it begins and does not end");
  const candidates = keys.map((key) => ({ key, algorithms: algorithmsOf(key) }));
  if (candidates.some(({ algorithms }) => algorithms.length === 0)) {
    throw new NotAKey(
      "has a key of a kind that tokens are not signed with: RSA of 2048 bits or more, EC on P-256, P-384 or P-521, and Ed25519 are",
    );
  }
  return {
    algorithms: [...new Set(candidates.flatMap(({ algorithms }) => algorithms))],
    find: ({ alg }) =>
      oneOf(candidates.filter(({ algorithms }) => algorithms.includes(alg)).map(({ key }) => key)),
  };
}

/** The keys of these PEM blocks. In a chain, an authority's certificate is only there for another one, and signs no tokens. */
function signersOf(blocks: readonly string[]): readonly KeyObject[] {
  try {
    const certificates = blocks
      .filter((block) => block.startsWith("-----BEGIN CERTIFICATE-----"))
      .map((block) => new X509Certificate(block));
    const signs = (one: X509Certificate) =>
      !certificates.some((other) => other.fingerprint256 !== one.fingerprint256 && other.checkIssued(one));
    return [
      ...certificates.filter(signs).map(({ publicKey }) => publicKey),
      ...blocks
        .filter((block) => !block.startsWith("-----BEGIN CERTIFICATE-----"))
        .map((block) => createPublicKey(block)),
    ];
  } catch {
    throw new NotAKey("has a key in PEM format that cannot be read");
  }
}

/** The key for a token. If there are several, jose's error lets the caller try each. */
function oneOf<K extends CryptoKey | KeyObject>(keys: readonly K[]): K {
  const [key] = keys;
  if (key === undefined) throw new errors.JWKSNoMatchingKey();
  if (keys.length === 1) return key;
  const several = new errors.JWKSMultipleMatchingKeys();
  several[Symbol.asyncIterator] = async function* () {
    for (const each of keys) yield await Promise.resolve(each as CryptoKey);
  };
  throw several;
}

const rsaBitsLeast = 2048;
const ofCurve: Readonly<Record<string, readonly string[]>> = {
  prime256v1: ["ES256"],
  secp384r1: ["ES384"],
  secp521r1: ["ES512"],
};

/** The algorithms of a key of this kind. */
export function algorithmsOf({
  asymmetricKeyType,
  asymmetricKeyDetails: details,
}: KeyObject): readonly string[] {
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

/** The algorithms of all kinds of public keys. */
export const publicAlgorithms: readonly string[] = [
  ...rsaAlgorithms,
  ...Object.values(ofCurve).flat(),
  ...edAlgorithms,
];

/**
 * The content without the mark that some editors put at the start.
 *
 * @throws NotAKey if the text is UTF-16, as some editors write it: its bytes are not what it shows
 */
function withoutMark(file: Buffer): Buffer {
  if (file[0] === 0xef && file[1] === 0xbb && file[2] === 0xbf) return file.subarray(3);
  const isUtf16 = (file[0] === 0xff && file[1] === 0xfe) || (file[0] === 0xfe && file[1] === 0xff);
  if (isUtf16 && file.subarray(2).filter((byte) => byte === 0).length * 2 >= file.byteLength - 2)
    throw new NotAKey("is text in UTF-16, as some editors and PowerShell write it: save it as UTF-8");
  return file;
}

function trimmed(file: Buffer): Buffer {
  const text = file.toString("latin1");
  return Buffer.from(text.replace(/\r?\n$/, ""), "latin1");
}
