import { isShortText } from "../message.ts";
import { faultInProperty, isPropertyName } from "../properties.ts";
import { type Envelope, packHeader } from "./envelope.ts";
import type { Unfit } from "./set-aside.ts";

/** The parts of an envelope, besides its body, that AMQP limits. */
export type Head = Omit<Envelope, "body">;

/** The fixed-size parts of the frame with properties and headers, and the lengths of its short texts. In bytes. */
const fixedBytes = 64;
/** The length fields and the type of a header, in bytes. */
const fieldBytes = 6;
/** The most bytes that a UTF-16 code unit takes as UTF-8. */
const bytesPerUnitMax = 3;
const clientIdNameBytes = "client-id".length;
const packNameBytes = packHeader.length;

/**
 * Why AMQP cannot carry an envelope; undefined if it can.
 *
 * @param headBytesMax what properties and headers may take together, since they have to fit into one frame. In bytes
 */
export function unfitnessOf(head: Head, headBytesMax: number): Unfit | undefined {
  const { routingKey, messageId, appId, contentType, headers } = head;
  if (!isShortText(routingKey)) return tooLong("a topic");
  if (!(isShort(messageId) && isShort(appId) && isShort(contentType))) return tooLong("a property");
  // Without headers the head has a kilobyte at most, and no frame is smaller than four.
  if (headers === undefined) return undefined;
  for (const name in headers) {
    if (name === "" || !isShortText(name)) return tooLong("a header's name");
    const fault = isPropertyName(name) ? faultInProperty(name, headers[name]!) : undefined;
    if (fault !== undefined) return { reason: "name", why: `${name} ${fault}` };
  }
  if (bytesPerUnitMax * unitsOf(head) <= headBytesMax || bytesOf(head) <= headBytesMax) return undefined;
  const why = `its headers take ${bytesOf(head)} bytes; RabbitMQ takes ${headBytesMax} (frame_max): send fewer or shorter ones`;
  return { reason: "frameSize", why };
}

function tooLong(what: string): Unfit {
  return { reason: "name", why: `${what} has 1 to 255 bytes of UTF-8` };
}

function isShort(text: string | undefined): boolean {
  return text === undefined || isShortText(text);
}

function unitsOf(head: Head): number {
  return measure(head, (text) => text.length);
}

function bytesOf(head: Head): number {
  return measure(head, (text) => Buffer.byteLength(text));
}

function measure(
  { contentType = "", messageId = "", appId = "", clientId, headers, packId }: Head,
  size: (text: string) => number,
) {
  let sum = fixedBytes + size(contentType) + size(messageId) + size(appId);
  if (clientId !== undefined) sum += fieldBytes + clientIdNameBytes + size(clientId);
  if (packId !== undefined) sum += fieldBytes + packNameBytes + size(packId);
  for (const name in headers) sum += fieldBytes + size(name) + size(headers[name]!);
  return sum;
}
