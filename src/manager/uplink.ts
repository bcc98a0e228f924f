import type { Uplink } from "../gateway/fan-out/uplink.ts";
import type { MessageTrace } from "../ops/message-trace.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { BusiestTopics } from "./busiest-topics.ts";
import type { Traced } from "./traced.ts";

/**
 * Connects the gateway to the outbox.
 *
 * @param traced adds trace context; undefined: messages get none
 */
export function uplinkTo(
  outbox: Outbox,
  messageTrace: MessageTrace,
  busiest: BusiestTopics,
  traced: Traced | undefined,
): Uplink {
  return {
    take(message, share, waiter, waiterBytes) {
      const publishing = traced?.publishing(message, waiter);
      const number =
        publishing === undefined
          ? outbox.append(message, waiter, waiterBytes, share)
          : outbox.append(publishing.message, publishing.waiter, waiterBytes, share);
      busiest.sent(message.topic);
      if (messageTrace.wants())
        messageTrace.print("client sent", message.body, { client: message.clientId, topic: message.topic });
      return number;
    },
    unfitnessOf: (message) => outbox.unfitnessOf(message),
    idOf: (number) => outbox.idOf(number),
    isSettled: (share) => outbox.isSettled(share),
    get freeBytes() {
      return outbox.level.freeBytes;
    },
  };
}
