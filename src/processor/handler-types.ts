/**
 * What a handler of Warren's is, for TypeScript. `warren --handler-types > warren.ts` prints it; then:
 *
 *     import type { Handler } from "./warren.ts";
 *     const handler: Handler = (message, context) => `hello, ${message.clientId}`;
 *     export default handler;
 *
 * A module may also say which topics it is for. Messages of other topics are acknowledged and not shown to it:
 *
 *     export const topics = ["orders.#"];
 */
export type Handler = (message: HandlerMessage, context: HandlerContext) => Result | PromiseLike<Result>;

/**
 * A module may also export functions named `connected` and `disconnected`, which are called when clients come and go. Each group gets every
 * event at least once, with the same `id` if it is repeated. What they return goes to that client, unless it is an envelope with another
 * destination.
 */
export type EventHandler = (event: ClientEvent, context: HandlerContext) => Result | PromiseLike<Result>;

/** A client has connected or disconnected. */
export interface ClientEvent {
  /** Unique. The same when the event comes again. */
  readonly id: string;
  /** What happened. */
  readonly event: "connected" | "disconnected";
  /** The client's id. */
  readonly client: string;
  /** The name of the connection, unique on all managers and for all time. */
  readonly connection: string;
  /** The manager that the client is connected to. */
  readonly manager: string;
  /** Milliseconds since 1970, by the clock of that manager. */
  readonly at: number;
  /** For `connected`: the client's protocol. */
  readonly protocol?: string;
  /** For `connected`: the client's address, if addresses are counted. */
  readonly address?: string;
  /** For `disconnected`: a close code, or what is known of the end. */
  readonly reason?: string;
}

/** What a handler returns, or what its promise is fulfilled with. */
export type Result =
  | Answer
  | readonly Answer[]
  | AsyncIterable<Answer | readonly Answer[]>
  | null
  | undefined
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler may have no return
  | void;

/**
 * A text, bytes, or an object without `to` and `body`, which is sent as JSON, go to where the message came from: to the client
 * that asks, if it is a request, else to all clients on its topic. An object with `to` or `body` is an envelope.
 */
export type Answer = string | Uint8Array | ArrayBuffer | AnswerEnvelope | object;

/** An answer that says where it goes. Anything else in it is an error, and nothing is sent. */
export interface AnswerEnvelope {
  /**
   * `"topic"`: to all clients on the message's topic. `"sender"`: to the client that sent it (the one that asks, if it is a request).
   * `{ topic }`: to all clients on that topic; the empty one is broadcast. `{ client }`: to that client alone.
   */
  readonly to: "topic" | "sender" | { readonly topic: string } | { readonly client: string };
  /** A text, bytes, or what is sent as JSON. */
  readonly body: string | Uint8Array | ArrayBuffer | object;
  /** An application's own headers, and AMQP's properties by their names: `correlation-id`, `expiration`, `type`, … */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The content type of the body, such as `text/html`. Without it: text, bytes or JSON, as the body is. */
  readonly contentType?: string | undefined;
}

/** A message, as a handler gets it. */
export interface HandlerMessage {
  /** Unique. The same when the message comes again. */
  readonly id: string;
  /** A string if it is text, else bytes. */
  readonly body: string | Uint8Array;
  /** The body as text; bytes are decoded as UTF-8. */
  readonly text: string;
  /** The body as JSON. Throws a SyntaxError if it is none. */
  json(): unknown;
  /** Empty is broadcast. */
  readonly topic: string;
  /** The client that sent it; with tokens this is certain. Absent if it comes from another program that names no client. */
  readonly clientId: string | undefined;
  /**
   * The sender's own headers, and AMQP's properties by their names: `content-type`, `content-encoding`, `correlation-id`,
   * `reply-to`, `type`, `priority`, `expiration` (milliseconds), `app-id`, `timestamp`.
   */
  readonly headers: Readonly<Record<string, string>>;
  /** The content type of the body: what its sender said, or `text/plain` or `application/octet-stream`. */
  readonly contentType: string;
  /** Seconds since 1970: when it was sent. */
  readonly timestamp: number | undefined;
  /** Whether it was sent to `/app/TOPIC`: only to processors. */
  readonly isRequest: boolean;
  /** The manager or other program that published it. */
  readonly appId: string | undefined;
}

/** What a handler knows of the call, and may do besides answering. */
export interface HandlerContext {
  /** Aborted when the handler has taken longer than `--handler-timeout`, and when the client that asked has gone. */
  readonly signal: AbortSignal;
  /** Sends an answer now. Fulfilled when RabbitMQ has confirmed it; rejects if it cannot be sent, and then the handler has failed. */
  readonly publish: (answer: Answer) => Promise<void>;
  /** Which attempt this is, from 1. An answer that an earlier attempt has published is not published again. */
  readonly attempt: number;
  /** The processor group (`--group`). */
  readonly group: string;
  /** The message's place in a trace (W3C Trace Context), for requests that the handler makes. Its answers are in the trace by themselves. */
  readonly traceparent: string | undefined;
  /** The other header of W3C's trace context. */
  readonly tracestate: string | undefined;
  /** Writes lines to Warren's log, with the message's id. */
  readonly log: HandlerLog;
}

/** Prints to the processor's logger. */
export interface HandlerLog {
  /** Says what helps to find a fault; printed with `--log-level debug`. */
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Says what belongs to normal operation. */
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Says what is wrong and mends itself. */
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Says what is wrong and needs somebody. */
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}
