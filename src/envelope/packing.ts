import type { Headers, OutgoingMessage } from "../message.ts";
import { processorsAudience } from "../requests.ts";

/**
 * The packed form: many messages in one AMQP message, for Warren's own roles. The body begins with two lines of JSON. The first lists the
 * topics, each once. The second describes each message and tells the length of its body. Then follow all bodies, one after another:
 *
 *     ["topic", …]\n
 *     [[place of its topic, client id or null, body bytes, {"bytes": true, "headers": {…}, "audience": "processors"}?, id?], …]\n
 *     body body body …
 *
 * A body is text unless `bytes` is true. The id of a message without one is made of the pack's id and its place. A manager whose clients
 * want none of the topics reads only the first line. `bun test/bench/encodings.ts` compares layouts. Any language can read this one in a
 * few lines (docs/protocol.md has the Python).
 *
 * Packs of the previous version, in an old log, have no first line, and their entries contain the topic itself in place of its index.
 */
export const packedContentType = "application/vnd.warren.packed";

/** The properties of a message that is not plain text without headers. */
export interface Particulars {
  /** Set if the body is bytes, not text. */
  bytes?: true;
  headers?: Headers;
  /** Who it is for, if not for everybody. */
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

/** The packed form, and the position of each message's body. */
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
