import type { ChannelModel, ConfirmChannel } from "amqplib";
import type { Envelope, PublishLink } from "../broker.ts";
import { channelNumber, innards } from "./innards.ts";
import { frameOverhead, publishFrames } from "./publish-frames.ts";
import type { Drop } from "./watch.ts";

/**
 * Publishes on a confirm channel that is used for nothing else, each call as one write to the socket.
 *
 * The first envelope goes alone, and the others follow when it is confirmed. Just after a restart or the loss of a
 * cluster's node, a channel of RabbitMQ's may take a queue's leader for one that is gone, and refuses or mislays what comes
 * until it knows better (seen with 3.10): with one envelope on the way, nothing overtakes it.
 */
export function publishLink(
  connection: ChannelModel,
  channel: ConfirmChannel,
  exchange: string,
  atLoss: (() => void)[],
  drop: Drop,
): PublishLink {
  const { stream, frameMax } = innards(connection);
  const number = channelNumber(channel);
  let isOpen = true;
  let isTried = false;
  let isProven = false;
  /** What waits for the first confirm. The publisher's window bounds it. */
  let held: Envelope[] = [];
  const write = (envelopes: readonly Envelope[]) => {
    if (isOpen && envelopes.length > 0) stream.write(publishFrames(envelopes, exchange, number, frameMax));
  };
  /** Sent to a link that has ended. */
  let lateCount = 0;
  const end = () => {
    isOpen = false;
    lateCount += held.length;
    held = [];
  };
  channel.on("close", end);
  channel.once("ack", () => {
    isProven = true;
    write(held);
    held = [];
  });
  // Such a channel goes on to refuse: a new one asks anew who the leader is.
  channel.on("nack", () => {
    if (!isProven) drop("RabbitMQ refuses the first message on a new channel");
  });
  atLoss.push(end);
  return {
    isCostly: true,
    headBytesMax: frameMax - frameOverhead,
    get unwritten() {
      return lateCount + held.length;
    },
    send(envelopes) {
      if (!isOpen) lateCount += envelopes.length;
      if (!isOpen) return;
      if (isProven) {
        write(envelopes);
        return;
      }
      for (const envelope of envelopes) held.push(envelope);
      if (isTried || held.length === 0) return;
      isTried = true;
      write(held.splice(0, 1));
    },
    giveUp(why) {
      if (isOpen) drop(why);
    },
  };
}
