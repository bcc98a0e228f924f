import { timestampIn } from "../../envelope/envelope.ts";
import type { OutgoingMessage } from "../../message.ts";
import { appToSendTo, isApp, topicToSendTo } from "../../wire/stomp/destinations.ts";
import { required } from "../../wire/stomp/fault.ts";
import type { Frame } from "../../wire/stomp/frames.ts";
import { bodyOf, travellingHeaders } from "./headers.ts";

/**
 * Converts a SEND into a message.
 *
 * @throws StompFault
 */
export function messageOf(frame: Frame, clientId: string): OutgoingMessage {
  const headers = travellingHeaders(frame);
  const destination = required(frame, "destination");
  const isRequest = isApp(destination);
  return {
    body: bodyOf(frame),
    topic: isRequest ? appToSendTo(destination) : topicToSendTo(destination),
    clientId,
    headers,
    ...(isRequest ? { isRequest } : {}),
    timestamp: timestampIn({ headers }) ?? Math.floor(Date.now() / 1000),
  };
}
