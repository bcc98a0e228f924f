import type { Body, Headers, Message } from "../message.ts";

/** What a handler is called with. */
export class HandlerMessage implements Message {
  readonly id: string;
  readonly body: Body;
  readonly topic: string;
  readonly clientId: string | undefined;
  readonly headers: Headers | undefined;
  readonly appId: string | undefined;
  readonly timestamp: number | undefined;

  constructor(message: Message) {
    this.id = message.id;
    this.body = message.body;
    this.topic = message.topic;
    this.clientId = message.clientId;
    this.headers = message.headers;
    this.appId = message.appId;
    this.timestamp = message.timestamp;
  }

  /** The body as text; bytes are decoded as UTF-8. */
  get text(): string {
    return typeof this.body === "string" ? this.body : Buffer.from(this.body).toString("utf8");
  }

  /** The body as JSON. */
  json(): unknown {
    return JSON.parse(this.text);
  }
}

/**
 * The processor's work. It returns a string, bytes, an object (sent as JSON), an array of those,
 * `{ to: "sender", body }` to answer the sender alone, or nothing. Or a promise of one of these.
 */
export type Handler = (message: HandlerMessage) => unknown;

/** The built-in handler. */
export function echoProcessed(message: HandlerMessage): string {
  return `processed message: ${message.text}`;
}
