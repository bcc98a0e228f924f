import type { ChannelModel, ConsumeMessage, Options } from "amqplib";
import type { Envelope } from "../../envelope/envelope.ts";
import type { Follower } from "../broker.ts";
import { fromDelivery, offsetOf } from "./codec.ts";
import type { LogPosition } from "./log-position.ts";
import type { Marks } from "./marks.ts";
import { cameBy, exchanges, logStream } from "./topology.ts";
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
  readonly marks: Marks;
  /** Hears of every mark that came by the exchange for them: processors name their groups by them. */
  heard(mark: Envelope): void;
  /** RabbitMQ has ended the follower, as it does when the log is deleted. */
  cancelled(): void;
  /** The log does not show what is written to it. */
  silent(drop: Drop): void;
  /** RabbitMQ ended the last session by cancelling its consumer. */
  wasCancelled?: boolean;
}

/**
 * Follows the log from where the last session has left it, until the connection is lost.
 *
 * @param markAfterMs after so long a silence the log is asked for a sign
 */
export async function startFollower(
  connection: ChannelModel,
  following: Following,
  markAfterMs: number,
  atLoss: (() => void)[],
  drop: Drop,
): Promise<void> {
  const { follower, position, marks, heard, silent, wasCancelled = false } = following;
  following.wasCancelled = false;
  const channel = await connection.createChannel();
  watch(channel, drop);
  await channel.prefetch(prefetch);
  const beginAgain = () => {
    position.restart();
    follower.missed("another log");
    drop(`"${logStream}" is another log than before: reading it from its beginning`);
  };
  let unacked = 0;
  let last: ConsumeMessage | undefined;
  const ack = () => {
    if (unacked === 0 || last === undefined) return;
    unacked = 0;
    channel.ack(last, true);
  };
  let hasHeard = true;
  let isOver = false;
  const onDelivery = (delivery: ConsumeMessage | null) => {
    if (isOver) return;
    if (delivery === null) {
      following.wasCancelled = true;
      following.cancelled();
      drop(`the queue ${logStream} has gone or moved: declaring it again`);
      return;
    }
    hasHeard = true;
    const offset = offsetOf(delivery);
    const envelope = fromDelivery(delivery);
    const sighting = position.take(offset, envelope);
    if (sighting === "of another log") {
      isOver = true;
      beginAgain();
      return;
    }
    if (sighting === "behind a gap") follower.missed("dropped");
    if (sighting !== "seen") {
      // What comes by the exchanges for messages says nothing of groups: it may be anybody's who may write to clients.
      if (marks.take(offset, envelope)) {
        if (delivery.fields.exchange === exchanges.marks) heard(envelope);
      } else follower.record(offset, cameBy(delivery.fields.exchange), envelope);
    }
    unacked++;
    last = delivery;
    if (unacked >= ackEvery) ack();
  };
  const { start } = position;
  position.opened(Math.floor(Date.now() / 1000));
  await channel.consume(logStream, onDelivery, {
    arguments: { "x-stream-offset": start } satisfies Options.Consume["arguments"],
  });
  marks.opened(() => silent(drop));
  marks.ask((offset) => follower.marked(offset));
  // A follower whose part of the log is dropped under it gets nothing any more, and nobody says so (seen with 3.10).
  const watchdog = setInterval(() => {
    // RabbitMQ 3.10 closes the channel of a follower that leaves deliveries unacknowledged for its consumer_timeout (30 min).
    ack();
    if (!hasHeard) marks.ask(() => undefined);
    hasHeard = false;
  }, markAfterMs);
  const timer = setTimeout(
    () => {
      if (!position.isSure) beginAgain();
    },
    wasCancelled ? sureWithinAfterCancelMs : sureWithinMs,
  );
  atLoss.push(() => {
    isOver = true;
    marks.closed();
    clearInterval(watchdog);
    clearTimeout(timer);
  });
}

/** Follows by a queue of its own, where there is no log (`--log off`). Offsets only number what came. */
export async function startOwnFollower(
  connection: ChannelModel,
  queue: string,
  follower: Follower,
  drop: Drop,
): Promise<void> {
  const channel = await connection.createChannel();
  watch(channel, drop);
  let offset = 0;
  const onDelivery = (delivery: ConsumeMessage | null) => {
    if (delivery === null) drop("the follower's own queue was deleted");
    else follower.record(offset++, cameBy(delivery.fields.exchange), fromDelivery(delivery));
  };
  await channel.consume(queue, onDelivery, { noAck: true });
}
