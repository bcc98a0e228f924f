import { timestampIn } from "../../envelope/envelope.ts";
import type { OutgoingMessage } from "../../message.ts";
import { topicToSendTo } from "../../wire/stomp/destinations.ts";
import { type Frame, required } from "../../wire/stomp/frames.ts";
import { bodyOf, travellingHeaders } from "./headers.ts";

/**
 * The message that a SEND stands for.
 *
 * @throws StompFault
 */
export function messageOf(frame: Frame, clientId: string): OutgoingMessage {
  const headers = travellingHeaders(frame);
  return {
    body: bodyOf(frame),
    topic: topicToSendTo(required(frame, "destination")),
    clientId,
    headers,
    timestamp: timestampIn({ headers }) ?? Math.floor(Date.now() / 1000),
  };
}
