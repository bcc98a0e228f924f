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

  /** What its sender said, or what the body is. */
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

/** The processor's work, as `handler-types.ts` has it. What it returns is checked, since it may be written in JavaScript. */
export type Handler = (message: HandlerMessage, context: types.HandlerContext) => unknown;

/** A handler, and which topics it is for. */
export interface Work {
  /** Called with each message. */
  readonly handle: Handler;
  /** Absent: for all of them. */
  readonly isFor?: ((topic: string) => boolean) | undefined;
  /** What hears of clients that come and go. */
  readonly connected?: types.EventHandler | undefined;
  /** Called when a client has gone. */
  readonly disconnected?: types.EventHandler | undefined;
}

/** The built-in handler. */
export function echoProcessed(message: types.HandlerMessage): string {
  return `processed message: ${message.text}`;
}
