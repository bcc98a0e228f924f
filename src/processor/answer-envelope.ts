import { type Headers, isName, isReservedHeader, isShortText, type Message } from "../message.ts";
import { faultInProperty, isPropertyName } from "../properties.ts";
import { awaitedBy } from "../requests.ts";
import { isPattern } from "../topics/pattern.ts";
import { UnusableAnswer } from "./unusable-answer.ts";

/** An answer with its destination. The body is not checked yet. */
interface Addressed {
  readonly topic: string;
  readonly clientId: string | undefined;
  /** The correlation id of the request that it answers. */
  readonly asker: string | undefined;
  readonly body: unknown;
  readonly headers: Headers | undefined;
}

const keys: ReadonlySet<string> = new Set(["to", "body", "headers", "contentType"]);
const expected = '"topic", "sender", { topic: NAME } or { client: ID }';

/** Names that are no headers of an answer, since something else sets them, and what to do instead. */
const notHeaders: ReadonlyMap<string, string> = new Map([
  ["client-id", "the answer goes to one client with to: { client: ID }"],
  ["destination", "the answer goes to a topic with to: { topic: NAME }"],
  ["message-id", "an answer's id follows from its question's"],
  ["content-length", "it follows from the body"],
  ["subscription", "it is the receiver's"],
  ["receipt", "wait for context.publish instead"],
  ["receipt-id", "wait for context.publish instead"],
  ["transaction", "answers are in none"],
  ["ack", "clients acknowledge nothing"],
]);

/** Whether an object is an envelope. Envelopes are checked strictly; every other object is sent as JSON. */
export function isEnvelope(item: unknown): item is Readonly<Record<string, unknown>> {
  return typeof item === "object" && item !== null && ("to" in item || "body" in item);
}

/**
 * Reads an answer's envelope: `{ to, body, headers?, contentType? }`. Any other key is taken for a mistake, so nothing is sent.
 *
 * @throws UnusableAnswer that names the key or value at fault
 */
export function envelopeOf(item: Readonly<Record<string, unknown>>, question: Message): Addressed {
  for (const key of Object.keys(item)) {
    if (!keys.has(key))
      throw new UnusableAnswer(
        `an answer with to or body has the unknown key ${shown(key)}: it may have to, body, headers and contentType`,
      );
  }
  const { to, body, headers, contentType } = item;
  if (body === undefined || body === null)
    throw new UnusableAnswer(
      "an answer with to has no body: an empty text is one; return nothing to send nothing",
    );
  return { ...addressOf(to, question), body, headers: headersOf(headers, contentType) };
}

function addressOf(to: unknown, question: Message): Pick<Addressed, "topic" | "clientId" | "asker"> {
  const { topic } = question;
  const toTopic = { topic, clientId: undefined, asker: undefined };
  if (to === "topic") return toTopic;
  if (to === "sender") {
    const asker = awaitedBy(question);
    if (asker !== undefined) return { ...toTopic, asker };
    if (question.clientId === undefined)
      throw new UnusableAnswer('an answer to "sender", but the message names no client-id');
    return { ...toTopic, clientId: question.clientId };
  }
  if (to === undefined)
    throw new UnusableAnswer(`an answer with a body says where it goes: to is ${expected}`);
  if (typeof to !== "object" || to === null)
    throw new UnusableAnswer(`an answer's to is ${expected}, not ${shown(to)}`);
  const named = Object.keys(to);
  const [key] = named;
  if (named.length !== 1 || (key !== "topic" && key !== "client")) {
    const unknown = named.find((name) => name !== "topic" && name !== "client");
    const fault = unknown === undefined ? "has one of the two" : `has the unknown key ${shown(unknown)}`;
    throw new UnusableAnswer(`an answer's to ${fault}: it is ${expected}`);
  }
  const name: unknown = (to as Readonly<Record<string, unknown>>)[key];
  return key === "topic" ? { ...toTopic, topic: topicOf(name) } : { ...toTopic, clientId: clientOf(name) };
}

function topicOf(name: unknown): string {
  if (typeof name !== "string") throw new UnusableAnswer(`an answer's topic is a text, not ${shown(name)}`);
  if (!isName(name))
    throw new UnusableAnswer(
      `an answer's topic has at most 255 bytes and no control characters, unlike ${shown(name)}`,
    );
  if (isPattern(name))
    throw new UnusableAnswer(`an answer goes to one topic, not to a pattern like ${shown(name)}`);
  return name;
}

function clientOf(id: unknown): string {
  if (typeof id !== "string") throw new UnusableAnswer(`an answer's client is a text, not ${shown(id)}`);
  if (id === "" || !isName(id))
    throw new UnusableAnswer(
      `an answer's client has 1 to 255 bytes and no control characters, unlike ${shown(id)}`,
    );
  return id;
}

function headersOf(headers: unknown, contentType: unknown): Headers | undefined {
  const own = headers === undefined ? undefined : checkedHeaders(headers);
  if (contentType === undefined) return own;
  if (typeof contentType !== "string" || contentType === "")
    throw new UnusableAnswer(`an answer's contentType is a text, not ${shown(contentType)}`);
  const fault = valueFault("content-type", contentType);
  if (fault !== undefined) throw new UnusableAnswer(`an answer's contentType ${fault}`);
  if (own?.["content-type"] !== undefined)
    throw new UnusableAnswer("an answer has contentType and the header content-type: keep one of them");
  return { ...own, "content-type": contentType };
}

function checkedHeaders(headers: unknown): Headers | undefined {
  if (typeof headers !== "object" || headers === null || Array.isArray(headers))
    throw new UnusableAnswer(`an answer's headers are an object with texts, not ${shown(headers)}`);
  if (headers instanceof Map || headers instanceof globalThis.Headers)
    throw new UnusableAnswer(
      "an answer's headers are an object with texts: write Object.fromEntries(headers)",
    );
  // Without a prototype, so that no header name has a meaning for JavaScript.
  const checked = Object.create(null) as Record<string, string>;
  let count = 0;
  for (const [name, value] of Object.entries(headers as Readonly<Record<string, unknown>>)) {
    if (value === undefined) continue;
    const fault = nameFault(name) ?? valueFault(name, value);
    if (fault !== undefined) throw new UnusableAnswer(`an answer's header ${shown(name)} ${fault}`);
    checked[name] = value as string;
    count++;
  }
  return count === 0 ? undefined : checked;
}

function nameFault(name: string): string | undefined {
  const instead = notHeaders.get(name);
  if (instead !== undefined) return `is not its own to set: ${instead}`;
  if (isReservedHeader(name)) return "is not its own to set: RabbitMQ or Warren does";
  if (name === "" || !isShortText(name) || name.includes("\0"))
    return "has a name of 1 to 255 bytes without NUL";
  return undefined;
}

function valueFault(name: string, value: unknown): string | undefined {
  if (typeof value !== "string") return `is a text, not ${shown(value)}`;
  // STOMP cannot represent it.
  if (value.includes("\0")) return "has no NUL";
  return isPropertyName(name) ? faultInProperty(name, value) : undefined;
}

/** How many characters of a value an error shows. */
const shownCharactersMax = 100;

/** A key or value as an error shows it. It may be anything, even something that cannot be converted to text. */
function shown(value: unknown): string {
  if (typeof value === "string") {
    const text = JSON.stringify(value);
    return text.length <= shownCharactersMax ? text : `${text.slice(0, shownCharactersMax)}…`;
  }
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object";
  return typeof value === "symbol" ? "a symbol" : typeof value === "function" ? "a function" : String(value);
}
