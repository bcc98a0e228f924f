import { type Body, type Headers, isLongerThan, type Message, type OutgoingMessage } from "../message.ts";
import { envelopeOf, isEnvelope } from "./answer-envelope.ts";
import { UnusableAnswer } from "./unusable-answer.ts";

/** RabbitMQ's default limit for one message, in bytes. */
const answerBytesMax = 16 * 1024 ** 2;

/**
 * The messages that a handler's result stands for. All of them can be sent, or none is given.
 *
 * @throws UnusableAnswer
 */
export function answersOf(result: unknown, question: Message): readonly OutgoingMessage[] {
  if (result === undefined || result === null) return [];
  if (Array.isArray(result)) return result.map((item: unknown) => answerOf(item, question));
  return [answerOf(result, question)];
}

function answerOf(item: unknown, question: Message): OutgoingMessage {
  if (!isEnvelope(item)) return { ...contentOf(item), topic: question.topic };
  const { topic, clientId, body, headers } = envelopeOf(item, question);
  const content = contentOf(body);
  const all = content.headers === undefined ? headers : { ...content.headers, ...headers };
  return {
    body: content.body,
    topic,
    ...(clientId === undefined ? {} : { clientId }),
    ...(all === undefined ? {} : { headers: all }),
  };
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
  return text;
}

/** As JSON it would be an empty object. */
function isUnfinished(item: object): boolean {
  return item instanceof Promise || Symbol.asyncIterator in item;
}
