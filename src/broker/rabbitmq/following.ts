import type { ChannelModel, ConsumeMessage, Options } from "amqplib";
import type { Follower } from "../broker.ts";
import { fromDelivery, offsetOf } from "./codec.ts";
import type { LogPosition } from "./log-position.ts";
import { logStream } from "./topology.ts";
import { type Drop, watch } from "./watch.ts";

/** Deliveries from the log that are on their way before they are acknowledged, which for a stream is only flow control. */
const prefetch = 1000;
const ackEvery = 250;

/** How long the log may take to show the record seen last before it is taken for another one, in milliseconds. */
const sureWithinMs = 60_000;
/** The same where RabbitMQ has cancelled the follower, as it does when a queue is deleted. */
const sureWithinAfterCancelMs = 3000;

export interface Following {
  readonly follower: Follower;
  readonly position: LogPosition;
  /** RabbitMQ ended the last session by cancelling its consumer. */
  wasCancelled?: boolean;
}

/** Follows the log from where the last session has left it, until the connection is lost. */
export async function startFollower(
  connection: ChannelModel,
  following: Following,
  atLoss: (() => void)[],
  drop: Drop,
): Promise<void> {
  const { follower, position, wasCancelled = false } = following;
  following.wasCancelled = false;
  const channel = await connection.createChannel();
  watch(channel, drop);
  await channel.prefetch(prefetch);
  const beginAgain = () => {
    position.restart();
    drop(`"${logStream}" is another log than before: reading it from its beginning`);
  };
  let unacked = 0;
  let isOver = false;
  const onDelivery = (delivery: ConsumeMessage | null) => {
    if (isOver) return;
    if (delivery === null) {
      following.wasCancelled = true;
      drop(`the follower of "${logStream}" was cancelled`);
      return;
    }
    const offset = offsetOf(delivery);
    const envelope = fromDelivery(delivery);
    const sighting = position.take(offset, envelope);
    if (sighting === "of another log") {
      isOver = true;
      beginAgain();
      return;
    }
    if (sighting === "new") follower.record(offset, delivery.fields.exchange, envelope);
    if (++unacked >= ackEvery) {
      unacked = 0;
      channel.ack(delivery, true);
    }
  };
  const { start } = position;
  position.opened(Math.floor(Date.now() / 1000));
  await channel.consume(logStream, onDelivery, {
    arguments: { "x-stream-offset": start } satisfies Options.Consume["arguments"],
  });
  const timer = setTimeout(
    () => {
      if (!position.isSure) beginAgain();
    },
    wasCancelled ? sureWithinAfterCancelMs : sureWithinMs,
  );
  atLoss.push(() => {
    isOver = true;
    clearTimeout(timer);
  });
}
