/**
 * The ids of messages. `PROCESS` is the name of a manager or processor, such as `manager-0123456789ab`.
 *
 * | message | id |
 * |---|---|
 * | from a client | `PROCESS-NUMBER`; `PROCESS-bLINE-NUMBER` for a sender with a line of its own |
 * | with an idempotency key | `once-KEY-CONTENT-SECONDS-WINDOW`, the last three in base 36 |
 * | an answer | `QUESTION/GROUP/NUMBER`, where `QUESTION` is the id of the message that it answers |
 * | an answer to a message with a key | the same with `once-KEY-CONTENT-WINDOWS` as `QUESTION`: the windows since 1970, in base 36 |
 */

const hexDigits = 12;
const dash = 0x2d;
/** The code of the first letter of `once-`. */
const o = 0x6f;

/** How the id of a message with an idempotency key begins, and the ids of its answers. */
export const oncePrefix = "once-";
/** The length of the hash of a client id and a key: 128 bits as base64url. */
export const keyLength = 22;

const onceId = /^once-([\w-]{22})-([0-9a-z]{1,10})-([0-9a-z]{1,8})-([0-9a-z]{1,5})$/;
const onceAnswer = /^once-[\w-]{22}-[0-9a-z]{1,10}-[0-9a-z]{1,8}\/./;
const onceSame = /^once-[\w-]{22}-[0-9a-z]{1,10}/;

/**
 * The parts of the id of a message with an idempotency key. From the ids of two messages, each manager and processor can tell whether they
 * have the same key and client id, whichever manager published them.
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

/** Who published a message, as far as its id tells. */
export type Maker =
  | { readonly is: "client" }
  /** `question` is what `questionIn` says of the id of the message that it answers. */
  | { readonly is: "processor"; readonly question: string }
  | { readonly is: "unknown" };

/** Whether a manager or processor numbered the message: it is no answer, and has no idempotency key. */
export function isWarrens(id: string): boolean {
  const at = endOfName(id);
  return at > 0 && /^(?:[a-z]+-)?(?:b\d+-)?\d+$/.test(id.slice(at));
}

/** Whether a processor made the id for an answer. */
export function isWarrensAnswer(id: string): boolean {
  const at = endOfName(id);
  return at > 0 ? id.indexOf("/", at) > at : isOnceAnswer(id);
}

/** The text of an id with a key. */
export function onceText({ key, content, seconds, windowSeconds }: OnceId): string {
  return `${oncePrefix}${key}-${content.toString(36)}-${seconds.toString(36)}-${windowSeconds.toString(36)}`;
}

/** Whether this may be the id of a message with a key, or of an answer to one. It is fast, since it is called for every message. */
export function hasKey(id: string): boolean {
  return id.charCodeAt(0) === o && id.startsWith(oncePrefix);
}

/** Parses an id; undefined if it belongs to a message without a key, or to an answer. */
export function onceIdIn(id: string): OnceId | undefined {
  if (!hasKey(id)) return undefined;
  const [, key, content, seconds, windowSeconds] = onceId.exec(id) ?? [];
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
  return `${oncePrefix}${key}-${content.toString(36)}-${Math.floor(seconds / windowSeconds).toString(36)}`;
}

/** Who published the message with this id. No client can set an id. */
export function makerOf(id: string | undefined): Maker {
  if (id === undefined) return { is: "unknown" };
  const end = id.indexOf("/");
  if (end < 0) {
    const isFromClient = (id.startsWith("manager-") && isWarrens(id)) || onceIdIn(id) !== undefined;
    return { is: isFromClient ? "client" : "unknown" };
  }
  return isWarrensAnswer(id)
    ? { is: "processor", question: questionIn(id.slice(0, end)) }
    : { is: "unknown" };
}

/**
 * The part that a message's id shares with the ids of its answers. If it has an idempotency key, the end differs: it says when a manager
 * accepted the message, and two managers may have.
 */
export function questionIn(id: string): string {
  return onceSame.exec(id)?.[0] ?? id;
}

/** Whether it is the id of an answer to a message with a key. */
function isOnceAnswer(id: string): boolean {
  return hasKey(id) && onceAnswer.test(id);
}

/**
 * Where the number begins, after the process's name; 0 if there is no such name. Written without a regular expression, since it runs for
 * every answer.
 */
function endOfName(id: string): number {
  const start = id.startsWith("manager-") ? 8 : id.startsWith("processor-") ? 10 : 0;
  const end = start + hexDigits;
  if (start === 0 || id.charCodeAt(end) !== dash) return 0;
  for (let at = start; at < end; at++) {
    const unit = id.charCodeAt(at);
    const isHex = (unit >= 0x30 && unit <= 0x39) || (unit >= 0x61 && unit <= 0x66);
    if (!isHex) return 0;
  }
  return end + 1;
}
