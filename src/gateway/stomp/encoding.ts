import { toBuffer } from "../../envelope/envelope.ts";
import { type Body, bodyBytes } from "../../message.ts";
import { destinationOf, direct } from "../../wire/stomp/destinations.ts";
import { headerLine, messageHead, type Version } from "../../wire/stomp/frames.ts";
import type { Delivery, Encoding, Relayed } from "../fan-out/encoding.ts";
import { contentTypeOf, isOwnHeader } from "./headers.ts";

/** MESSAGE frames. The head is the command and the subscription; the tail is everything after it. */
const encodings: Readonly<Record<Version, Encoding>> = {
  "1.1": encodingOf("1.1"),
  "1.2": encodingOf("1.2"),
};

/** The encoding for clients of this version. */
export function stompEncoding(version: Version): Encoding {
  return encodings[version];
}

/** All encodings of STOMP. */
export const stompEncodings: readonly Encoding[] = Object.values(encodings);

/** How many heads are remembered, and the longest subscription id for that, in characters. */
const headsMax = 256;
const idLengthMax = 64;

function encodingOf(version: Version): Encoding {
  const headOf = remembering((subscriptionId) => messageHead(subscriptionId, version));
  return {
    name: `stomp ${version}`,
    includesId: true,
    headOf,
    headAfterGap: (head) => `${head}x-stream-gap:true\n`,
    tailOf: (message, id, delivery) => messageTail(message, id, version, delivery),
    join: (head, tail) => (typeof tail === "string" ? head + tail : Buffer.concat([Buffer.from(head), tail])),
  };
}

/** Remembers heads: clients of one library use the same few subscription ids, and very many may subscribe at once. */
function remembering(make: (id: string) => string): (id: string) => string {
  const heads = new Map<string, string>();
  return (id) => {
    const known = heads.get(id);
    if (known !== undefined) return known;
    const head = make(id);
    if (id.length > idLengthMax) return head;
    if (heads.size >= headsMax) heads.clear();
    heads.set(id, head);
    return head;
  };
}

/** The tail of a MESSAGE: text for a text body, and otherwise bytes. */
function messageTail(
  { body, topic, headers, clientId, timestamp }: Relayed,
  id: string,
  version: Version,
  { position, isForOne = false, destination = destinationOf(topic) }: Delivery,
): Body {
  // In a message for one client, the client id is that client's, not the sender's.
  const sender = isForOne ? undefined : clientId;
  let head =
    (position === undefined ? "" : `x-stream-offset:${position}\n`) +
    headerLine("message-id", id, version) +
    headerLine("destination", isForOne ? direct : withoutNul(destination), version) +
    (sender === undefined ? "" : headerLine("client-id", withoutNul(sender), version)) +
    (timestamp === undefined ? "" : `timestamp:${timestamp}\n`) +
    headerLine("content-type", contentTypeOf(body, headers), version) +
    `content-length:${bodyBytes(body)}\n`;
  for (const name in headers) {
    const value = headers[name]!;
    // STOMP cannot represent a NUL in a header, so such a header is left out.
    if (name !== "timestamp" && isOwnHeader(name) && !name.includes("\0") && !value.includes("\0"))
      head += headerLine(name, value, version);
  }
  if (typeof body === "string") return `${head}\n${body}\0`;
  return Buffer.concat([Buffer.from(`${head}\n`), toBuffer(body), end]);
}

/** STOMP cannot represent a NUL. No client can name such a topic, but a pattern may match it. */
function withoutNul(destination: string): string {
  return destination.includes("\0") ? destination.replaceAll("\0", "\ufffd") : destination;
}

const end = Buffer.from([0]);
