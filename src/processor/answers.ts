import { type Body, type Headers, isLongerThan, type Message, type OutgoingMessage } from "../message.ts";

/** A handler returned what cannot be sent. */
export class UnusableAnswer extends Error {
  override readonly name = "UnusableAnswer";
}

/** A handler's result that stands for these messages already: it was called in another process. */
export class Answered {
  readonly answers: readonly OutgoingMessage[];

  constructor(answers: readonly OutgoingMessage[]) {
    this.answers = answers;
  }
}

/** RabbitMQ's default limit for one message, in bytes. */
const answerBytesMax = 16 * 1024 ** 2;

/**
 * The messages that a handler's result stands for.
 *
 * @throws UnusableAnswer
 */
export function answersOf(result: unknown, question: Message): readonly OutgoingMessage[] {
  if (result instanceof Answered) return result.answers;
  if (result === undefined || result === null) return [];
  if (Array.isArray(result)) return result.map((item: unknown) => answerOf(item, question));
  return [answerOf(result, question)];
}

function answerOf(item: unknown, question: Message): OutgoingMessage {
  if (isToSender(item)) {
    if (question.clientId === undefined) {
      throw new UnusableAnswer('an answer to "sender", but the message names no client-id');
    }
    return { ...contentOf(item.body), topic: question.topic, clientId: question.clientId };
  }
  return { ...contentOf(item), topic: question.topic };
}

function isToSender(item: unknown): item is { readonly to: "sender"; readonly body: unknown } {
  return typeof item === "object" && item !== null && "to" in item && item.to === "sender" && "body" in item;
}

/** What is sent as JSON says so: other programs refuse JSON that is called plain text. */
const jsonHeaders: Headers = { "content-type": "application/json" };

function contentOf(item: unknown): { readonly body: Body; readonly headers?: Headers } {
  const given = item instanceof ArrayBuffer ? new Uint8Array(item) : item;
  const isBody = typeof given === "string" || given instanceof Uint8Array;
  const body = isBody ? given : json(given);
  if (isLongerThan(body, answerBytesMax))
    throw new UnusableAnswer(`an answer of more than ${answerBytesMax} bytes`);
  return isBody ? { body } : { body, headers: jsonHeaders };
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
