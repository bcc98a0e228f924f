import type { Body, Headers, OutgoingMessage } from "../message.ts";
import { isName } from "../message.ts";

/**
 * The packed form: many messages in one AMQP message, for speed (`--packed`).
 *
 * The body is a JSON array with an array for each message, in order:
 *
 *     [topic, clientId | null, text | {"base64": "…"}, headers?]
 *
 * JSON won against two binary layouts (`bun run bench --encodings`): one native call for a whole batch beats
 * several small ones for each message in it. And every language reads it in a line.
 */
export const packedContentType = "application/vnd.warren.packed+json";

/** The body does not follow the format above. */
export class MalformedPack extends Error {
  override readonly name = "MalformedPack";
}

type Entry = [topic: string, clientId: string | null, body: string | { base64: string }, headers?: Headers];

export function pack(messages: readonly OutgoingMessage[]): Buffer {
  return Buffer.from(JSON.stringify(messages.map(toEntry)), "utf8");
}

function toEntry({ topic, clientId, body, headers }: OutgoingMessage): Entry {
  const packedBody = typeof body === "string" ? body : { base64: Buffer.from(body).toString("base64") };
  const entry: Entry = [topic, clientId ?? null, packedBody];
  if (headers !== undefined) entry.push(headers);
  return entry;
}

/** @throws MalformedPack */
export function unpack(body: Buffer): OutgoingMessage[] {
  let entries: unknown;
  try {
    entries = JSON.parse(body.toString("utf8"));
  } catch (cause) {
    throw new MalformedPack("a packed message is not JSON", { cause });
  }
  if (!Array.isArray(entries)) throw new MalformedPack("a packed message is not an array");
  return entries.map(fromEntry);
}

function fromEntry(entry: unknown, index: number): OutgoingMessage {
  if (!Array.isArray(entry)) throw new MalformedPack(`entry ${index} of a packed message is not an array`);
  const [topic, clientId, body, headers] = entry as unknown[];
  if (typeof topic !== "string" || !isName(topic)) {
    throw new MalformedPack(`entry ${index} of a packed message has no valid topic`);
  }
  if (clientId !== null && !(typeof clientId === "string" && isName(clientId))) {
    throw new MalformedPack(`entry ${index} of a packed message has no valid client id`);
  }
  return {
    topic,
    clientId: clientId ?? undefined,
    body: toBody(body, index),
    headers: toHeaders(headers, index),
  };
}

function toBody(body: unknown, index: number): Body {
  if (typeof body === "string") return body;
  if (typeof body === "object" && body !== null && "base64" in body && typeof body.base64 === "string") {
    return Buffer.from(body.base64, "base64");
  }
  throw new MalformedPack(`entry ${index} of a packed message has no body`);
}

function toHeaders(headers: unknown, index: number): Headers | undefined {
  if (headers === undefined || headers === null) return undefined;
  const isTexts =
    typeof headers === "object" && Object.values(headers).every((value) => typeof value === "string");
  if (!isTexts || Array.isArray(headers)) {
    throw new MalformedPack(`entry ${index} of a packed message has headers that are not texts`);
  }
  return headers as Headers;
}
