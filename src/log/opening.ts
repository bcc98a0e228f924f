import type { Envelope } from "../envelope/envelope.ts";
import { open } from "../envelope/envelope.ts";
import type { Message } from "../message.ts";
import { answeredBy } from "../requests.ts";
import type { LogRecord } from "./record.ts";

/** More than what may wait for a client. */
export class TooLargeForClients extends Error {
  override readonly name = "TooLargeForClients";
}

/**
 * The messages of a record, for clients. RabbitMQ takes messages of 16 MiB and more from whoever may publish; one that is larger
 * than what may wait for a client would have every one of its receivers, however fast, disconnected by the next.
 *
 * Requests, which are for processors alone, and answers to them, which are for the clients that asked, are left out.
 *
 * @param bytesMax of the record's body, packed or not
 * @param onHidden gets what is left out: requests, and answers with what they answer
 * @throws TooLargeForClients, MalformedPack
 */
export function openForClients(
  { offset, exchange }: LogRecord,
  envelope: Envelope,
  bytesMax: number,
  onHidden?: (message: Message, asker: string | undefined) => void,
): readonly Message[] {
  const { byteLength } = envelope.body;
  if (byteLength > bytesMax) {
    throw new TooLargeForClients(
      `${byteLength} bytes are more than may wait for a client: raise --client-buffer-bytes, or send less at once`,
    );
  }
  const messages = open(envelope, `${exchange}@${offset}`);
  return messages.every((message) => isPublic(message, exchange))
    ? messages
    : messages.filter((message) => {
        const asker = exchange === "towsmanager" ? answeredBy(message) : undefined;
        const isSeen = isPublic(message, exchange);
        if (!isSeen) onHidden?.(message, asker);
        return isSeen;
      });
}

function isPublic(message: Message, exchange: string): boolean {
  if (message.isRequest === true) return false;
  return message.headers === undefined || exchange !== "towsmanager" || answeredBy(message) === undefined;
}
