import type { ConfirmChannel } from "amqplib";
import { reasonOf } from "../../errors.ts";
import type { Publisher, PublishLink, Refusal } from "../broker.ts";
import { closeChannel } from "./innards.ts";
import type { Life } from "./life.ts";
import { lossOf, refusalOf } from "./watch.ts";

/** Ends the link, and opens another one on a new channel when the promise has resolved. */
export type ReopenAfter = (event: Promise<void>) => void;

/** When more channels than this are closed in a second, the connection ends, and is set up again after a wait. */
const reopenedPerSecondMax = 500;

/**
 * Opens a channel for a publisher, and another one at once when RabbitMQ closes it over what it was sent: the way to the
 * exchange is as it was. Every other end of a channel ends the connection.
 *
 * @param linkOn the link that publishes on a channel; what it adds to `atEnd` runs when that has ended; it may ask for another
 *   channel, after something has come about
 */
export async function openPublishChannel(
  life: Life,
  publisher: Publisher,
  linkOn: (channel: ConfirmChannel, atEnd: (() => void)[], reopenAfter: ReopenAfter) => PublishLink,
): Promise<void> {
  const { connection, drop } = life;
  /** The connection's, or the channel's. */
  let refusal: Refusal | undefined;
  /** Of the present channel. */
  const atEnd: (() => void)[] = [];
  let reopenedCount = 0;
  let countedSinceMs = 0;
  connection.on("error", (error: unknown) => {
    refusal ??= refusalOf(error);
  });
  const ended = () => {
    publisher.closed(refusal);
    for (const end of atEnd.splice(0)) end();
  };
  life.onLoss(ended);

  const open = async () => {
    const channel = await connection.createConfirmChannel();
    if (life.isOver) return;
    let isLeft = false;
    channel.on("error", (error: Error) => {
      refusal = refusalOf(error);
      if (refusal === undefined || refusal.isDoubtful || isTooOften()) drop(lossOf(error));
      else channel.once("close", reopen);
    });
    channel.on("close", () => {
      if (refusal === undefined && !isLeft) drop("channel closed");
    });
    const reopenAfter = (event: Promise<void>) => {
      if (life.isOver || isLeft) return;
      isLeft = true;
      ended();
      const again = async () => {
        await closeChannel(channel);
        await event;
        if (!life.isOver) await open();
      };
      again().catch((error: unknown) => drop(reasonOf(error)));
    };
    publisher.opened(linkOn(channel, atEnd, reopenAfter));
  };
  const reopen = () => {
    if (life.isOver) return;
    ended();
    refusal = undefined;
    open().catch((error: unknown) => drop(reasonOf(error)));
  };
  const isTooOften = () => {
    const nowMs = performance.now();
    if (nowMs - countedSinceMs > 1000) {
      countedSinceMs = nowMs;
      reopenedCount = 0;
    }
    return ++reopenedCount > reopenedPerSecondMax;
  };
  await open();
}
