import type { Message } from "../../message.ts";
import { closeCodes } from "../../wire/close-codes.ts";
import { StompFault } from "../../wire/stomp/fault.ts";
import { receiptText, type Version } from "../../wire/stomp/frames.ts";
import type { ClientSocket } from "../clients/client.ts";
import type { Surroundings } from "../protocol/protocol.ts";
import { stompEncoding } from "./encoding.ts";

/** Sends a MESSAGE frame to one client, for a subscription that need not exist: its id is the destination. */
export function sendMessage(
  socket: ClientSocket,
  message: Message,
  destination: string,
  version: Version,
  { relay, sent }: Pick<Surroundings, "relay" | "sent">,
): void {
  const encoding = stompEncoding(version);
  const tail = encoding.tailOf(message, message.id, { destination });
  socket.send(encoding.join(encoding.headOf(destination), tail));
  relay.delivered(1);
  sent(tail.length);
}

/** @param after the position after which a durable subscription begins */
export function sendReceipt(
  socket: ClientSocket,
  receipt: string,
  after: string | undefined,
  version: Version,
  { sent }: Pick<Surroundings, "sent">,
): void {
  const text = receiptText(receipt, after, version);
  socket.send(text);
  sent(text.length);
}

/** The fault of a client that sent no CONNECT in time. */
export function noConnect(): StompFault {
  return new StompFault("no CONNECT came", { reason: "connectTime", close: closeCodes.notConnected });
}

/** The answer's body if a request could not be sent. */
export const notSent = "the request could not be sent on";
/** The answer's body if a request repeats an earlier one. */
export const askedBefore =
  "a request with this idempotency-key was sent before: its answers go to the sender of that one";
/** Why a message is not published because of its idempotency key. */
export const keyFaults = {
  reused:
    "409: the idempotency-key belongs to another message, of another body or destination: give each message a key of its own",
  "too many": "too many SENDs repeat earlier ones that RabbitMQ has not confirmed yet: wait for the receipts",
} as const;
