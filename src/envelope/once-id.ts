import { type Body, isShortText, type OutgoingMessage } from "../message.ts";
import { tableEnd } from "./unpacking.ts";

/** The header with which a publisher marks a message as a repeat of an earlier one. */
export const keyHeader = "idempotency-key";

const prefix = "once-";
/** The length of the hash of a client id and a key: 128 bits as base64url. */
const keyLength = 22;
/** How many bits of the content's hash are compared. */
const contentBits = 48n;

/**
 * The parts of the id of a message with an idempotency key. From the ids of two messages, each manager and processor can tell whether they
 * have the same key and client id, whichever manager published them: `once-KEY-CONTENT-SECONDS-WINDOW`, the last three in base 36.
 */
export interface OnceId {
  /** A hash of the client id and the key. */
  readonly key: string;
  /** A hash of the topic and the body. */
  readonly content: number;
  /** When its manager accepted it, in seconds since 1970. */
  readonly seconds: number;
  /** For how long a second message is not published, in seconds. */
  readonly windowSeconds: number;
}

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
    content: contentOf(message.topic, message.body),
    seconds: Math.floor(nowMs / 1000),
    windowSeconds: Math.ceil(windowMs / 1000),
  };
}

/** The id's text. */
export function onceText({ key, content, seconds, windowSeconds }: OnceId): string {
  return `${prefix}${key}-${content.toString(36)}-${seconds.toString(36)}-${windowSeconds.toString(36)}`;
}

const whole = /^once-([\w-]{22})-([0-9a-z]{1,10})-([0-9a-z]{1,8})-([0-9a-z]{1,5})$/;

/** Whether a message's id may be such an id, or an answer's. It is fast, since it is called for every message. */
export function hasKey(id: string): boolean {
  return id.charCodeAt(0) === 0x6f && id.startsWith(prefix);
}

/** Parses an id; undefined if it belongs to a message without a key, or to an answer. */
export function onceIdIn(id: string): OnceId | undefined {
  if (!hasKey(id)) return undefined;
  const [, key, content, seconds, windowSeconds] = whole.exec(id) ?? [];
  if (key === undefined) return undefined;
  return {
    key,
    content: Number.parseInt(content!, 36),
    seconds: Number.parseInt(seconds!, 36),
    windowSeconds: Number.parseInt(windowSeconds!, 36),
  };
}

/** Whether the second message, which has the same key, repeats the first, according to their ids. */
export function isWithinWindow(firstSeconds: number, { seconds, windowSeconds }: OnceId): boolean {
  return Math.abs(seconds - firstSeconds) < windowSeconds;
}

/**
 * The prefix of the ids of a message's answers. It is the same for two messages with the same key that two managers accepted at about the
 * same time, so that their answers are recognized as the same.
 */
export function answersIdOf(id: string): string {
  const once = onceIdIn(id);
  if (once === undefined) return id;
  const { key, content, seconds, windowSeconds } = once;
  return `${prefix}${key}-${content.toString(36)}-${Math.floor(seconds / windowSeconds).toString(36)}`;
}

const answer = /^once-[\w-]{22}-[0-9a-z]{1,10}-[0-9a-z]{1,8}\/./;

/** Whether it is the id of an answer to a message with a key. */
export function isOnceAnswer(id: string): boolean {
  return hasKey(id) && answer.test(id);
}

const inPack = Buffer.from(`"${prefix}`);

/** Whether a pack may contain messages with keys: its table, which has the ids, is searched without parsing. */
export function mayHaveKeys(packed: Buffer): boolean {
  const end = tableEnd(packed);
  return end > 0 && packed.subarray(0, end).includes(inPack);
}

function contentOf(topic: string, body: Body): number {
  const seed = Bun.hash.xxHash64(topic);
  return Number(Bun.hash.xxHash64(body, seed) & ((1n << contentBits) - 1n));
}
