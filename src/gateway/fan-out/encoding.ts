import type { Body, OutgoingMessage } from "../../message.ts";

/** What a relayed message needs besides its id. */
export type Relayed = Pick<OutgoingMessage, "body" | "topic" | "headers" | "clientId" | "timestamp">;

/** How a message comes to a client. */
export interface Delivery {
  /** Its place in the log, for durable subscriptions. */
  readonly position?: string;
  /** It is addressed to one client alone: `clientId` is that client, and not the sender. */
  readonly isForOne?: boolean;
  /** Where it came for, as the client calls it, if that is not its topic. */
  readonly destination?: string;
}

/** What a subscription asks for that gets what is addressed to its client alone. No topic, and no pattern of topics. */
export const direct: unique symbol = Symbol("direct");

/**
 * How messages are written to clients. What is sent has two parts: a head, which is the subscription's, and a tail, which is
 * the message's, made once for all subscriptions of the encoding. A string travels as a text frame, bytes as a binary one.
 */
export interface Encoding {
  /** Unlike that of any other encoding; without colons. */
  readonly name: string;
  /** Whether a tail has the message's id in it: it is not made for nobody. */
  readonly tellsId: boolean;
  /** How every message of a subscription begins. Empty if it needs no name. */
  headOf(subscriptionId: string): string;
  /** The head of a message before which some are missing. */
  headAfterGap(head: string): string;
  /** What follows the head, for all subscriptions. */
  tailOf(message: Relayed, id: string, delivery: Delivery): Body;
  /** A message as it is sent. */
  join(head: string, tail: Body): Body;
}
