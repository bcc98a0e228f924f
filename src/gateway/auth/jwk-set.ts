import { createPublicKey, type KeyObject } from "node:crypto";
import type { JWK } from "jose";
import { algorithmsOf } from "./keys.ts";

/** How many keys a complaint names. */
const namedMax = 10;

/** The keys of a key set that tokens can be checked with. */
export interface JwkSet {
  /** Public keys, with only the properties that identify them. */
  readonly keys: readonly JWK[];
  /** Descriptions of the other keys. */
  readonly leftOut: readonly string[];
}

/**
 * The usable keys of a set (RFC 7517, section 5: an implementation should ignore keys that it does not understand). A key that cannot be
 * used does not affect the others.
 *
 * @throws Error if it is no key set, or if none of its keys can be read
 */
export function usableKeys(answer: unknown): JwkSet {
  const entries: unknown = isObject(answer) ? answer["keys"] : undefined;
  if (!Array.isArray(entries)) throw new Error("the answer is no key set (RFC 7517)");
  const keys: JWK[] = [];
  const leftOut: string[] = [];
  let readable = 0;
  for (const [index, entry] of entries.entries()) {
    const key = publicKeyOf(entry);
    if (key !== undefined) readable++;
    if (key !== undefined && algorithmsOf(key).length > 0) keys.push(bare(key, entry));
    else if (leftOut.length < namedMax) leftOut.push(nameOf(entry, index));
  }
  if (entries.length > 0 && readable === 0) throw new Error("none of the keys in the key set can be read");
  return { keys, leftOut };
}

function publicKeyOf(entry: unknown): KeyObject | undefined {
  try {
    return isObject(entry) ? createPublicKey({ key: entry, format: "jwk" }) : undefined;
  } catch {
    return undefined;
  }
}

function bare(key: KeyObject, { kid, alg, use }: Readonly<Record<string, unknown>>): JWK {
  return {
    ...(key.export({ format: "jwk" }) as JWK),
    ...(typeof kid === "string" ? { kid } : {}),
    ...(typeof alg === "string" ? { alg } : {}),
    ...(typeof use === "string" ? { use } : {}),
  };
}

function nameOf(entry: unknown, index: number): string {
  const kid = isObject(entry) ? entry["kid"] : undefined;
  return typeof kid === "string" ? kid.slice(0, 100) : `number ${index + 1}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
