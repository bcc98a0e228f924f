import type { ChannelModel, ConfirmChannel } from "amqplib";
import type { PublishLink } from "../broker.ts";
import { channelNumber, innards } from "./innards.ts";
import { publishFrames } from "./publish-frames.ts";

/** Publishes on a confirm channel that is used for nothing else, each call as one write to the socket. */
export function publishLink(
  connection: ChannelModel,
  channel: ConfirmChannel,
  exchange: string,
  atLoss: (() => void)[],
): PublishLink {
  const { stream, frameMax } = innards(connection);
  const number = channelNumber(channel);
  let isOpen = true;
  const end = () => {
    isOpen = false;
  };
  channel.on("close", end);
  atLoss.push(end);
  return {
    send(envelopes) {
      if (isOpen) stream.write(publishFrames(envelopes, exchange, number, frameMax));
    },
  };
}
