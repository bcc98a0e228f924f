import { type Contents, contentsOf, type Envelope, type Head } from "../envelope/envelope.ts";
import { packedContentType } from "../envelope/packing.ts";
import type { Message } from "../message.ts";
import { answeredBy } from "../requests.ts";
import type { LogRecord } from "./record.ts";

/** The record is larger than what may wait for a client. */
class TooLargeForClients extends Error {
  override readonly name = "TooLargeForClients";
}

/**
 * Decodes the messages of a record for clients. RabbitMQ takes messages of 16 MiB and more from any program. A message that is larger than
 * what may wait for a client would have each of its recipients disconnected by the next message, however fast they read, so it is refused
 * here.
 *
 * Requests, which are for processors alone, and answers to them, which are for the clients that asked, are left out.
 *
 * @param bytesMax the largest body that is opened, packed or not
 * @param onHidden gets what is left out: requests, and answers with the request that they answer. It gets an answer even if that is too
 *   large, since a client waits for it
 * @throws TooLargeForClients, MalformedPack
 */
export function openForClients(
  { offset, exchange, isToClients }: LogRecord,
  envelope: Envelope,
  bytesMax: number,
  onHidden?: (head: Head, asker: string | undefined, open: () => Message) => void,
): Contents {
  const { byteLength } = envelope.body;
  if (byteLength > bytesMax) {
    const asker = isToClients ? answeredBy(envelope) : undefined;
    if (asker !== undefined && envelope.contentType !== packedContentType) {
      const answer = contentsOf(envelope, `${exchange}@${offset}`);
      for (const head of answer.heads) onHidden?.(head, asker, () => answer.at(0));
    }
    throw new TooLargeForClients(
      `${byteLength} bytes are more than may wait for a client: raise --client-buffer-bytes, or send less at once`,
    );
  }
  const contents = contentsOf(envelope, `${exchange}@${offset}`);
  const { heads } = contents;
  if (heads.every((head) => isPublic(head, isToClients))) return contents;
  const places: number[] = [];
  for (const [index, head] of heads.entries()) {
    const asker = isToClients ? answeredBy(head) : undefined;
    if (isPublic(head, isToClients)) places.push(index);
    else onHidden?.(head, asker, () => contents.at(index));
  }
  return {
    heads: places.map((place) => heads[place]!),
    at: (index) => contents.at(places[index]!),
    get costBytes() {
      return contents.costBytes;
    },
  };
}

function isPublic(head: Head, isToClients: boolean): boolean {
  if (head.isRequest === true) return false;
  return head.headers === undefined || !isToClients || answeredBy(head) === undefined;
}
