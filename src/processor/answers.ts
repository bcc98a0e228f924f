import { type Body, bodyBytes, type Message, type OutgoingMessage } from "../message.ts";

/** A handler returned what cannot be sent. */
export class UnusableAnswer extends Error {
  override readonly name = "UnusableAnswer";
}

/** RabbitMQ's default limit for one message, in bytes. */
const answerBytesMax = 16 * 1024 ** 2;

/**
 * The messages that a handler's result stands for.
 *
 * @throws UnusableAnswer
 */
export function answersOf(result: unknown, question: Message): OutgoingMessage[] {
  if (result === undefined || result === null) return [];
  if (Array.isArray(result)) return result.map((item: unknown) => answerOf(item, question));
  return [answerOf(result, question)];
}

function answerOf(item: unknown, question: Message): OutgoingMessage {
  if (isToSender(item)) {
    if (question.clientId === undefined) {
      throw new UnusableAnswer('an answer to "sender", but the message names no client-id');
    }
    return { body: bodyOf(item.body), topic: question.topic, clientId: question.clientId };
  }
  return { body: bodyOf(item), topic: question.topic };
}

function isToSender(item: unknown): item is { readonly to: "sender"; readonly body: unknown } {
  return typeof item === "object" && item !== null && "to" in item && item.to === "sender" && "body" in item;
}

function bodyOf(item: unknown): Body {
  const body = item instanceof ArrayBuffer ? new Uint8Array(item) : item;
  const bytes = typeof body === "string" || body instanceof Uint8Array ? body : json(body);
  // A character takes up to three bytes: only what may be too long is counted.
  if (bytes.length > answerBytesMax / 3 && bodyBytes(bytes) > answerBytesMax)
    throw new UnusableAnswer(`an answer of more than ${answerBytesMax} bytes`);
  return bytes;
}

function json(item: unknown): string {
  if (typeof item !== "object" || item === null) {
    throw new UnusableAnswer(
      `a handler returns a string, bytes, an object, an array of those or nothing, not ${item === null ? "null" : typeof item}`,
    );
  }
  let text: string | undefined;
  let cause: unknown;
  try {
    text = JSON.stringify(item);
  } catch (error) {
    cause = error;
  }
  if (text === undefined) throw new UnusableAnswer("an object that cannot be written as JSON", { cause });
  return text;
}
