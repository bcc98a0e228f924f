import type { Body, Headers, OutgoingMessage } from "./message.ts";

/**
 * What things take in memory, in bytes, for caps in bytes. The costs are computed when things come, so they are quick and rough, but never
 * less than half of the truth, whatever a client sends: `test/integration/memory/` fills every cap with the worst case and measures its
 * process.
 */

/** A text's object, and what the memory around its characters is rounded up to. */
const textOverheadBytes = 48;
/** A buffer's object, and what it has around its bytes. */
const bufferOverheadBytes = 192;
/** What a message takes besides its texts' characters: its object, its place in a queue, and what surrounds each text. */
export const messageOverheadBytes = 256;
/** What an envelope takes in the same way, with its id. */
const envelopeOverheadBytes = 320;
/** What one header takes: an object that has names of its own has a shape of its own. */
const headerOverheadBytes = 256;
/** A place in a map. */
const mapEntryBytes = 48;
/** What waits for a confirm: a function, and what it holds besides the receipt. */
const waiterOverheadBytes = 256;

/** No more bytes than this are kept in JavaScriptCore's own heap (`fastSizeLimit` of its typed arrays). */
const fewBytes = 1000;
/** The bytes of a text longer than this are counted. In UTF-16 units. */
const longTextUnits = 4096;

/** Two bytes for each UTF-16 unit, since a single character outside Latin-1 makes a whole text take that. */
export function textCostBytes(text: string): number {
  return 2 * text.length + textOverheadBytes;
}

/**
 * What a text body takes. A long one is also kept as UTF-8 on its way to the broker, where a character outside ASCII and Latin-1 takes up
 * to half as much again.
 */
function textBodyCostBytes(text: string): number {
  return text.length < longTextUnits ? 2 * text.length : Math.max(2 * text.length, Buffer.byteLength(text));
}

/** What this many bytes take in memory, with the object around them. */
export function bytesCostBytes(count: number): number {
  return count + bufferOverheadBytes;
}

/** What bytes take in memory, with the object around them. */
export function bufferCostBytes(bytes: Uint8Array): number {
  return bytesCostBytes(bytes.byteLength);
}

/** What a body takes in memory. */
export function bodyCostBytes(body: Body): number {
  return typeof body === "string" ? textCostBytes(body) : bufferCostBytes(body);
}

/** What headers take in memory. */
export function headersCostBytes(headers: Headers | undefined): number {
  let costBytes = 0;
  for (const name in headers) costBytes += 2 * (name.length + headers[name]!.length) + headerOverheadBytes;
  return costBytes;
}

/** What the headers of a STOMP frame take while its body is waited for. */
export function frameHeadersCostBytes(headers: ReadonlyMap<string, string>): number {
  let costBytes = 0;
  for (const [name, value] of headers)
    costBytes += textCostBytes(name) + textCostBytes(value) + mapEntryBytes;
  return costBytes;
}

/** What a message takes, with all its parts. */
export function messageCostBytes(message: OutgoingMessage): number {
  const { id, body, topic, clientId, headers } = message;
  return (
    messageOverheadBytes +
    (id === undefined ? 0 : 2 * id.length) +
    (typeof body === "string" ? textBodyCostBytes(body) : bufferCostBytes(body)) +
    2 * (topic.length + (clientId === undefined ? 0 : clientId.length)) +
    (headers === undefined ? 0 : headersCostBytes(headers))
  );
}

/** What takes memory in an envelope. */
interface WeighedEnvelope {
  readonly body: Uint8Array;
  readonly routingKey: string;
  readonly messageId: string | undefined;
  readonly clientId: string | undefined;
  readonly headers: Headers | undefined;
}

/** What an envelope takes, with all its parts. */
export function envelopeCostBytes(envelope: WeighedEnvelope): number {
  const { body, routingKey, messageId, clientId, headers } = envelope;
  return (
    envelopeOverheadBytes +
    bufferCostBytes(body) +
    2 * (routingKey.length + (messageId?.length ?? 0) + (clientId?.length ?? 0)) +
    (headers === undefined ? 0 : headersCostBytes(headers))
  );
}

/** What a message takes that may be large: ASCII text takes one byte for each character. */
export function exactMessageCostBytes(message: OutgoingMessage): number {
  const { body } = message;
  const isAscii = typeof body === "string" && Buffer.byteLength(body) === body.length;
  return messageCostBytes(message) - (isAscii ? (body as Body).length : 0);
}

/** What a receipt takes that waits for a confirm. */
export function receiptCostBytes(receipt: string | undefined): number {
  return receipt === undefined ? 0 : textCostBytes(receipt) + waiterOverheadBytes;
}

/**
 * The same bytes, without a larger buffer that they are a small part of. Few bytes are always copied: JavaScriptCore has a copy of them in
 * its own heap. A view of a buffer of any size would need an object for that buffer as well.
 */
export function ownBytes<B extends Uint8Array>(bytes: B): B | Buffer {
  const isOwn =
    bytes.byteLength > fewBytes && bytes.buffer.byteLength <= 2 * bytes.byteLength + bufferOverheadBytes;
  return isOwn ? bytes : Buffer.from(bytes);
}
