import type { Body, OutgoingMessage } from "../../message.ts";

/** The properties of a message that encodings use, besides its id. */
export type Relayed = Pick<OutgoingMessage, "body" | "topic" | "headers" | "clientId" | "timestamp">;

/** How a message reaches a client. */
export interface Delivery {
  /** Its position in the log, for durable subscriptions. */
  readonly position?: string;
  /** Whether it is addressed to one client: then `clientId` is that client, and not the sender. */
  readonly isForOne?: boolean;
  /** The destination as the client calls it, if that is not the topic. */
  readonly destination?: string;
}

/** In place of a topic or pattern: a subscription to the messages that are addressed to its client. */
export const direct: unique symbol = Symbol("direct");

/**
 * How messages are written to clients. A frame has two parts: the head, which depends on the subscription, and the tail, which depends on
 * the message and is made once for all subscriptions of the encoding. A string travels as a text frame, bytes as a binary one.
 */
export interface Encoding {
  /** A unique name, without colons. */
  readonly name: string;
  /** Whether tails include the message's id. If no encoding does, the id is not made at all. */
  readonly includesId: boolean;
  /** The start of every message of a subscription. Empty if clients need not tell subscriptions apart. */
  headOf(subscriptionId: string): string;
  /** The head of a message before which others are missing. */
  headAfterGap(head: string): string;
  /** What follows the head, the same for all subscriptions. */
  tailOf(message: Relayed, id: string, delivery: Delivery): Body;
  /** The complete frame. */
  join(head: string, tail: Body): Body;
}
