import type { Headers, Message } from "./message.ts";

/** The header of messages that are only for processors, and its value. */
export const audienceHeader = "warren-audience";
/** The value of the header of messages that are for processors alone. */
export const processorsAudience = "processors";

/** The durable queue for answers of other programs: AMQP's `reply_to` of every request. All managers consume it. */
export const repliesQueue = "towsmanager.replies";

/** The prefix of requests' correlation ids. Programs have to return these ids unchanged. */
export const correlationPrefix = "warren:";

/** The header of an answer that reports an error. */
export const errorHeader = "error";
/** Why a request has no answer: the value of the header `error`. */
export type RequestError = "failed" | "expired" | "repeated";

/** The correlation id of the request that a message from `towsmanager` answers; undefined if it is no answer. */
export function answeredBy({ headers }: { readonly headers?: Headers | undefined }): string | undefined {
  const id = headers?.["correlation-id"];
  return id?.startsWith(correlationPrefix) ? id : undefined;
}

/**
 * The name of the asking connection in a correlation id: `warren:MANAGER:CONNECTION`. Undefined if the text is no such id.
 */
export function askerOf(correlationId: string): string | undefined {
  const [, asker] = /^(warren:[^:]*:[^:]*):/.exec(correlationId) ?? [];
  return asker;
}

/** The correlation id for the answer to a request; undefined if the message is no request, or no client waits for an answer. */
export function awaitedBy({
  isRequest,
  headers,
}: Pick<Message, "isRequest" | "headers">): string | undefined {
  if (isRequest !== true || headers?.["reply-to"] !== repliesQueue) return undefined;
  return answeredBy({ headers });
}
