import type { Message, OutgoingMessage } from "../message.ts";

/** A message's own headers are kept on its dead letter up to this size. */
const theirHeadersCharactersMax = 16 * 1024;
const reasonCharactersMax = 1000;

/** What is needed of a message that could not be handled, or not even be opened. */
export type Buried = Pick<Message, "body" | "topic" | "clientId" | "headers" | "id">;

/** What is published to `wsmanager.dead`: the message, with why and where it failed. */
export function deadLetterOf(
  { body, topic, clientId, headers: theirs, id }: Buried,
  { reason, attempts, group }: { readonly reason: string; readonly attempts: number; readonly group: string },
): OutgoingMessage {
  // Headers travel in one frame, which RabbitMQ limits (128 KiB by default); the reason matters more than theirs.
  const areTheirsSmall = JSON.stringify(theirs ?? {}).length <= theirHeadersCharactersMax;
  const headers = {
    ...(areTheirsSmall ? theirs : {}),
    "dead-reason": reason.slice(0, reasonCharactersMax),
    "dead-attempts": String(attempts),
    "dead-group": group,
    "dead-message-id": id,
  };
  return { body, topic, clientId, headers };
}
