import { type Body, type Headers, isLongerThan, type Message, type OutgoingMessage } from "../message.ts";
import { awaitedBy } from "../requests.ts";
import { inTraceOf, traceparent } from "../trace-context.ts";
import { envelopeOf, isEnvelope } from "./answer-envelope.ts";
import { UnusableAnswer } from "./unusable-answer.ts";

/** RabbitMQ's default limit for one message, in bytes. */
const answerBytesMax = 16 * 1024 ** 2;

/**
 * Converts a handler's result into messages: all of them, or none if one cannot be sent.
 *
 * @throws UnusableAnswer
 */
export function answersOf(result: unknown, question: Message): readonly OutgoingMessage[] {
  if (result === undefined || result === null) return [];
  const answers = Array.isArray(result)
    ? result.map((item: unknown) => answerOf(item, question))
    : [answerOf(result, question)];
  const sent =
    question.isRequest === true
      ? answers.filter((answer) => answer !== undefined)
      : (answers as OutgoingMessage[]);
  if (question.headers?.[traceparent] === undefined) return sent;
  return sent.map((answer) => ({ ...answer, headers: inTraceOf(question.headers, answer.headers) }));
}

/** Undefined for an answer to the client that asks, if that client waits for no answer. */
function answerOf(item: unknown, question: Message): OutgoingMessage | undefined {
  if (!isEnvelope(item)) {
    const content = contentOf(item);
    const asker = awaitedBy(question);
    if (asker !== undefined) return answerTo(asker, question, content);
    return question.isRequest === true ? undefined : { ...content, topic: question.topic };
  }
  const { topic, clientId, asker, body, headers } = envelopeOf(item, question);
  const content = contentOf(body);
  const all = content.headers === undefined ? headers : { ...content.headers, ...headers };
  if (asker !== undefined) return answerTo(asker, question, { body: content.body, headers: all });
  return {
    body: content.body,
    topic,
    ...(clientId === undefined ? {} : { clientId }),
    ...(all === undefined ? {} : { headers: all }),
  };
}

/** Makes an answer to the client that asked, which the request's correlation id names. */
export function answerTo(
  asker: string,
  { topic }: Message,
  { body, headers }: { readonly body: Body; readonly headers?: Headers | undefined },
): OutgoingMessage {
  return { body, topic, headers: { ...headers, "correlation-id": asker } };
}

/** JSON is declared as such, since other programs refuse JSON that is declared as plain text. */
const jsonHeaders: Headers = { "content-type": "application/json" };

function contentOf(item: unknown): { readonly body: Body; readonly headers?: Headers } {
  const bytes = bytesOf(item);
  const isBody = bytes !== undefined || typeof item === "string";
  const given = bytes ?? (typeof item === "string" ? item : json(item));
  if (isLongerThan(given, answerBytesMax))
    throw new UnusableAnswer(`an answer of more than ${answerBytesMax} bytes`);
  // It is published later, and the handler may use the same memory for its next answer.
  const body = typeof given === "string" ? given : new Uint8Array(given);
  return isBody ? { body } : { body, headers: jsonHeaders };
}

/** The bytes themselves, not a copy of them; undefined if it is something else. */
function bytesOf(item: unknown): Uint8Array | undefined {
  if (!(item instanceof ArrayBuffer || item instanceof Uint8Array)) return undefined;
  const buffer = item instanceof ArrayBuffer ? item : item.buffer;
  if (buffer instanceof ArrayBuffer && buffer.detached)
    throw new UnusableAnswer("bytes that were transferred to somewhere else: send a copy of them");
  return item instanceof ArrayBuffer ? new Uint8Array(item) : item;
}

function json(item: unknown): string {
  if (typeof item !== "object" || item === null) {
    throw new UnusableAnswer(
      `a handler returns a string, bytes, an object, an array of those or nothing, not ${item === null ? "null" : typeof item}`,
    );
  }
  if (isUnfinished(item))
    throw new UnusableAnswer("an answer that is a promise or a generator: wait for it, or yield its answers");
  let text: string | undefined;
  let cause: unknown;
  try {
    text = JSON.stringify(item);
  } catch (error) {
    cause = error;
  }
  if (text === undefined) throw new UnusableAnswer("an object that cannot be written as JSON", { cause });
  if (text === "{}" && isOfClass(item))
    throw new UnusableAnswer(
      `an answer of the class ${item.constructor.name}, of which JSON says nothing: send its text, its bytes or a plain object`,
    );
  return text;
}

/**
 * Whether it is an instance of a class, such as the response of `fetch`, a map, or an error: as JSON it would be an empty object, whatever
 * is in it. An object with `toJSON` says what it is.
 */
function isOfClass(item: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(item);
  if (prototype === null || "toJSON" in item || typeof item.constructor !== "function") return false;
  // A plain object's prototype is the last of the chain, whatever realm it comes from.
  return Object.getPrototypeOf(prototype) !== null;
}

/** Whether it is a promise or an async generator, which JSON would show as an empty object. */
function isUnfinished(item: object): boolean {
  return item instanceof Promise || Symbol.asyncIterator in item;
}
