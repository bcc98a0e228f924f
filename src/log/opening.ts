import type { Envelope } from "../envelope/envelope.ts";
import { open } from "../envelope/envelope.ts";
import type { Message } from "../message.ts";
import type { LogRecord } from "./record.ts";

/** More than what may wait for a client. */
export class TooLargeForClients extends Error {
  override readonly name = "TooLargeForClients";
}

/**
 * The messages of a record, for clients. RabbitMQ takes messages of 16 MiB and more from whoever may publish; one that is larger
 * than what may wait for a client would have every one of its receivers, however fast, disconnected by the next.
 *
 * @param bytesMax of the record's body, packed or not
 * @throws TooLargeForClients, MalformedPack
 */
export function openForClients(
  { offset, exchange }: LogRecord,
  envelope: Envelope,
  bytesMax: number,
): readonly Message[] {
  const { byteLength } = envelope.body;
  if (byteLength > bytesMax) {
    throw new TooLargeForClients(
      `${byteLength} bytes are more than may wait for a client: raise --client-buffer-bytes, or send less at once`,
    );
  }
  return open(envelope, `${exchange}@${offset}`);
}
