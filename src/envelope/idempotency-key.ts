import { isShortText, type OutgoingMessage } from "../message.ts";
import { keyLength, type OnceId, oncePrefix } from "../message-id.ts";
import { tableEnd } from "./unpacking.ts";

/** The header with which a publisher marks a message as a repeat of an earlier one. */
export const keyHeader = "idempotency-key";

/** How many bits of the content's hash are compared. */
const contentBits = 48n;

/** What is wrong with a key, in words that complete its header's name; undefined if it is valid. */
export function faultInKey(key: string): string | undefined {
  return key !== "" && isShortText(key) ? undefined : "has 1 to 255 bytes";
}

/**
 * @param key accepted by `faultInKey`
 * @param nowMs milliseconds since 1970
 */
export function onceIdOf(message: OutgoingMessage, key: string, nowMs: number, windowMs: number): OnceId {
  // No client id has a control character.
  const hash = Bun.CryptoHasher.hash("sha256", `${message.clientId ?? ""}\0${key}`, "base64url");
  return {
    key: hash.slice(0, keyLength),
    content: contentOf(message),
    seconds: Math.floor(nowMs / 1000),
    windowSeconds: Math.ceil(windowMs / 1000),
  };
}

const inPack = Buffer.from(`"${oncePrefix}`);

/** Whether a pack may contain messages with keys: its table, which has the ids, is searched without parsing. */
export function mayHaveKeys(packed: Buffer): boolean {
  const end = tableEnd(packed);
  return end > 0 && packed.subarray(0, end).includes(inPack);
}

/** The hash of what makes two messages different that have the same key. */
export function contentOf({ topic, body }: Pick<OutgoingMessage, "topic" | "body">): number {
  const seed = Bun.hash.xxHash64(topic);
  return Number(Bun.hash.xxHash64(body, seed) & ((1n << contentBits) - 1n));
}
