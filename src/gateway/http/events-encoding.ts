import type { Body } from "../../message.ts";
import type { Encoding } from "../fan-out/encoding.ts";
import { base64, envelopeOf, growsTooMuch } from "./envelope.ts";

/** Encodings for server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */

/** Comes before a message if some are missing before it. */
const gap =
  "event: gap\ndata: messages before the next one are missing: the log no longer has them, or is another one\n\n";

/** `data:` is the body. */
export const bareEvents = encodingOf("sse", false, ({ body }) =>
  isCarried(body) ? dataFields(body) : `event: bytes\n${dataFields(base64(body))}`,
);

/** `data:` is the JSON envelope. */
export const envelopeEvents = encodingOf("sse json", true, (message, id, delivery) => {
  const envelope = envelopeOf(message, id, delivery);
  const event = envelope.encoding === undefined ? "" : "event: bytes\n";
  return `${event}data: ${JSON.stringify(envelope)}\n`;
});

function encodingOf(name: string, includesId: boolean, fieldsOf: Encoding["tailOf"]): Encoding {
  return {
    name,
    includesId,
    headOf: () => "",
    headAfterGap: () => gap,
    tailOf: (message, id, delivery) => {
      const place = delivery.position === undefined ? "" : placeField(delivery.position);
      return `${place}${fieldsOf(message, id, delivery) as string}\n`;
    },
    join: (head, tail) => head + (tail as string),
  };
}

/** A field with the position after which the client goes on when it reconnects. */
export function placeField(position: string): string {
  return `id: ${position}\n`;
}

/** An event that tells that the connection ends, and why. `EventSource` would reconnect in any case. */
export function closeEvent(code: number, reason: string, retry: string): string {
  return `${retry}event: close\ndata: ${JSON.stringify({ code, reason })}\n\n`;
}

/** A line with the wait before the next connection: a random time between these, in milliseconds. */
export function retryLine(minMs: number, maxMs: number): string {
  return `retry: ${Math.round(minMs + Math.random() * (maxMs - minMs))}\n\n`;
}

/**
 * Whether an event can carry the body unchanged: a carriage return would become a line feed. Each line has a field of its own, so that a
 * body of nothing but line ends would take seven times as much.
 */
function isCarried(body: Body): body is string {
  return typeof body === "string" && !body.includes("\r") && !growsTooMuch(body, dataFields);
}

function dataFields(text: string): string {
  return text.includes("\n") ? `data: ${text.replaceAll("\n", "\ndata: ")}\n` : `data: ${text}\n`;
}
