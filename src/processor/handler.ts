import type { Body, Headers, Message } from "../message.ts";
import type * as types from "./handler-types.ts";

/** No headers at all. */
const none: Headers = Object.freeze(Object.create(null) as Record<string, string>);

/** What a handler is called with. */
export class HandlerMessage implements Message, types.HandlerMessage {
  readonly id: string;
  readonly body: Body;
  readonly topic: string;
  readonly clientId: string | undefined;
  readonly headers: Headers;
  readonly appId: string | undefined;
  readonly timestamp: number | undefined;
  readonly isRequest: boolean;

  constructor(message: Message) {
    this.id = message.id;
    this.body = message.body;
    this.topic = message.topic;
    this.clientId = message.clientId;
    this.headers = message.headers ?? none;
    this.appId = message.appId;
    this.timestamp = message.timestamp;
    this.isRequest = message.isRequest === true;
  }

  /** The body as text; bytes are decoded as UTF-8. */
  get text(): string {
    return typeof this.body === "string" ? this.body : Buffer.from(this.body).toString("utf8");
  }

  /** The content type that the sender gave, or else the one that fits the body. */
  get contentType(): string {
    return (
      this.headers["content-type"] ??
      (typeof this.body === "string" ? "text/plain" : "application/octet-stream")
    );
  }

  /** The body as JSON. */
  json(): unknown {
    return JSON.parse(this.text);
  }
}

/** The user's handler, as `handler-types.ts` describes it. Its result is checked, since it may be written in JavaScript. */
export type Handler = (message: HandlerMessage, context: types.HandlerContext) => unknown;

/** A handler, and the topics that it is for. */
export interface Work {
  /** Called with each message. */
  readonly handle: Handler;
  /** Absent: it is for all topics. */
  readonly isFor?: ((topic: string) => boolean) | undefined;
  /** Called when a client has connected. */
  readonly connected?: types.EventHandler | undefined;
  /** Called when a client has disconnected. */
  readonly disconnected?: types.EventHandler | undefined;
}

/** The built-in handler. */
export function echoProcessed(message: types.HandlerMessage): string {
  return `processed message: ${message.text}`;
}
