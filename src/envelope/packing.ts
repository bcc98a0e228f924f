import type { Headers, OutgoingMessage } from "../message.ts";
import { processorsAudience } from "../requests.ts";

/**
 * The packed form: many messages in one AMQP message, in which Warren's roles speak to one another. The body is two lines of JSON and,
 * after them, all bodies in one run. The first line has the topics, each once; the second says for each message what it is and how
 * long its body is:
 *
 *     ["topic", …]\n
 *     [[place of its topic, client id or null, body bytes, {"bytes": true, "headers": {…}, "audience": "processors"}?, id?], …]\n
 *     body body body …
 *
 * A body is text unless `bytes` is true. A message without an id of its own has the pack's, numbered on by its place.
 * A manager whose clients want none of the topics reads the first line and nothing more. `bun test/bench/encodings.ts` compares layouts,
 * and any language reads this one in a few lines (docs/protocol.md has the Python).
 *
 * Packs in a log of the version before have no first line, and their entries have the topic itself in place of its place.
 */
export const packedContentType = "application/vnd.warren.packed";

/** What an entry says of a message that is not plain text without headers. */
export interface Particulars {
  /** The body is bytes, and not text. */
  bytes?: true;
  headers?: Headers;
  /** Whom it is for, if not for all. */
  audience?: typeof processorsAudience;
}
type Entry = [
  topic: number,
  clientId: string | null,
  bytes: number,
  particulars?: Particulars | null,
  id?: string,
];

/** The body of a pack of these messages. */
export function pack(messages: readonly OutgoingMessage[]): Buffer {
  return packWithBodies(messages).packed;
}

/** The packed form, and where in it the body of each message is. */
export function packWithBodies(messages: readonly OutgoingMessage[]): {
  readonly packed: Buffer;
  readonly bodies: readonly Buffer[];
} {
  const topics = new Map<string, number>();
  const entries = messages.map((message) => toEntry(message, placeIn(topics, message.topic)));
  const topicLine = topics.size === 0 ? "" : `${JSON.stringify([...topics.keys()])}\n`;
  const lines = Buffer.from(`${topicLine}${JSON.stringify(entries)}\n`);
  const size = entries.reduce((sum, entry) => sum + entry[2], lines.byteLength);
  const packed = Buffer.allocUnsafe(size);
  let at = lines.copy(packed);
  const bodies = messages.map(({ body }) => {
    const start = at;
    if (typeof body === "string") at += packed.write(body, at);
    else {
      packed.set(body, at);
      at += body.byteLength;
    }
    return packed.subarray(start, at);
  });
  return { packed, bodies };
}

function placeIn(topics: Map<string, number>, topic: string): number {
  let place = topics.get(topic);
  if (place === undefined) {
    place = topics.size;
    topics.set(topic, place);
  }
  return place;
}

function toEntry({ clientId: sender, body, headers, id, isRequest }: OutgoingMessage, topic: number): Entry {
  const clientId = sender ?? null;
  const isText = typeof body === "string";
  const bytes = isText ? Buffer.byteLength(body) : body.byteLength;
  if (isText && headers === undefined && !isRequest)
    return id === undefined ? [topic, clientId, bytes] : [topic, clientId, bytes, null, id];
  const particulars = {
    ...(isText ? {} : { bytes: true as const }),
    ...(headers === undefined ? {} : { headers }),
    ...(isRequest ? ({ audience: processorsAudience } as const) : {}),
  };
  return id === undefined ? [topic, clientId, bytes, particulars] : [topic, clientId, bytes, particulars, id];
}
