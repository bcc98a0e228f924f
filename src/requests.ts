import type { Headers, Message } from "./message.ts";

/** The header of what is for processors alone, and its value. */
export const audienceHeader = "warren-audience";
/** The value of the header of messages that are for processors alone. */
export const processorsAudience = "processors";

/** The durable queue to which other programs answer: AMQP's `reply_to` of every request. All managers consume it. */
export const repliesQueue = "towsmanager.replies";

/** How the correlation ids of requests begin, as programs get them and have to give them back. */
export const correlationPrefix = "warren:";

/** The header of an answer that says that there is none, and its values. */
export const errorHeader = "error";
/** Why a request has no answer, as the header `error` says it. */
export type RequestError = "failed" | "expired" | "repeated";

/** What a message that came by `towsmanager` answers: the request's correlation id on AMQP; undefined if it is no answer. */
export function answeredBy({ headers }: { readonly headers?: Headers | undefined }): string | undefined {
  const id = headers?.["correlation-id"];
  return id?.startsWith(correlationPrefix) ? id : undefined;
}

/**
 * What the correlation ids of one connection's requests begin with: `warren:MANAGER:CONNECTION`. Undefined if it is no such id.
 */
export function askerOf(correlationId: string): string | undefined {
  const [, asker] = /^(warren:[^:]*:[^:]*):/.exec(correlationId) ?? [];
  return asker;
}

/** The correlation id with which a request is answered; undefined if the message is none, or nobody waits for its answers. */
export function awaitedBy({
  isRequest,
  headers,
}: Pick<Message, "isRequest" | "headers">): string | undefined {
  if (isRequest !== true || headers?.["reply-to"] !== repliesQueue) return undefined;
  return answeredBy({ headers });
}
