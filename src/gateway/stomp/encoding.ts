import { toBuffer } from "../../envelope/envelope.ts";
import { type Body, bodyBytes } from "../../message.ts";
import { destinationOf, direct } from "../../wire/stomp/destinations.ts";
import { headerLine, messageHead, type Version } from "../../wire/stomp/frames.ts";
import type { Delivery, Encoding, Relayed } from "../fan-out/encoding.ts";
import { contentTypeOf, isOwnHeader } from "./headers.ts";

/** MESSAGE frames: the head is the command and the subscription, the tail all that follows. */
const encodings: Readonly<Record<Version, Encoding>> = {
  "1.1": encodingOf("1.1"),
  "1.2": encodingOf("1.2"),
};

/** How messages look to clients that speak this version. */
export function stompEncoding(version: Version): Encoding {
  return encodings[version];
}

/** All that there are. */
export const stompEncodings: readonly Encoding[] = Object.values(encodings);

/** Heads that are remembered, and the longest subscription id of one, in characters. */
const headsMax = 256;
const idLengthMax = 64;

function encodingOf(version: Version): Encoding {
  const headOf = remembering((subscriptionId) => messageHead(subscriptionId, version));
  return {
    name: `stomp ${version}`,
    tellsId: true,
    headOf,
    headAfterGap: (head) => `${head}x-stream-gap:true\n`,
    tailOf: (message, id, delivery) => messageTail(message, id, version, delivery),
    join: (head, tail) => (typeof tail === "string" ? head + tail : Buffer.concat([Buffer.from(head), tail])),
  };
}

/** Clients of one library give their subscriptions the same few ids, and very many may subscribe at once. */
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

/** A text body gives text, and bytes give bytes. */
function messageTail(
  { body, topic, headers, clientId, timestamp }: Relayed,
  id: string,
  version: Version,
  { position, isForOne = false, destination = destinationOf(topic) }: Delivery,
): Body {
  // What is for one client alone has that client's id on it, not the sender's.
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
    // STOMP has no way to write a NUL in a header: such a header is left out.
    if (name !== "timestamp" && isOwnHeader(name) && !name.includes("\0") && !value.includes("\0"))
      head += headerLine(name, value, version);
  }
  if (typeof body === "string") return `${head}\n${body}\0`;
  return Buffer.concat([Buffer.from(`${head}\n`), toBuffer(body), end]);
}

/** STOMP has no way to write a NUL. No client can name such a topic, but a pattern matches it. */
function withoutNul(destination: string): string {
  return destination.includes("\0") ? destination.replaceAll("\0", "\ufffd") : destination;
}

const end = Buffer.from([0]);
