import { toBuffer } from "../../envelope/envelope.ts";
import { bodyBytes, type Message } from "../../message.ts";
import { destinationOf } from "../../wire/stomp/destinations.ts";
import { headerLine, type Version } from "../../wire/stomp/frames.ts";
import type { Relayed } from "../fan-out/relay.ts";
import { contentTypeOf, isOwnHeader } from "./headers.ts";

/**
 * A MESSAGE frame from behind its subscription header, so the same for all subscriptions. A text body gives text, which
 * travels as a text frame, and bytes give bytes.
 */
export type Tail = string | Buffer;

export interface TailOptions {
  /** Where it came for; its topic unless it is for one client alone. */
  readonly destination?: string;
  /** Its place in the log, for durable subscriptions. */
  readonly position?: string;
}

export function messageTail(
  { body, topic, headers, clientId, timestamp }: Relayed,
  id: Message["id"],
  version: Version,
  { destination, position }: TailOptions = none,
): Tail {
  // What is for one client alone has that client's id on it, not the sender's.
  const sender = destination === undefined ? clientId : undefined;
  let head =
    (position === undefined ? "" : `x-stream-offset:${position}\n`) +
    headerLine("message-id", id, version) +
    headerLine("destination", withoutNul(destination ?? destinationOf(topic)), version) +
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
const none: TailOptions = {};

export function withHead(head: string, tail: Tail): Tail {
  return typeof tail === "string" ? head + tail : Buffer.concat([Buffer.from(head), tail]);
}
