import type { Channel, ConsumeMessage, Options } from "amqplib";
import type { Envelope } from "../../envelope/envelope.ts";
import type { Follower } from "../broker.ts";
import { fromDelivery, offsetOf } from "./codec.ts";
import { cameBy, exchanges } from "./exchanges.ts";
import type { Life } from "./life.ts";
import { LogPosition } from "./log-position.ts";
import type { Marks } from "./marks.ts";
import { logStream } from "./topology.ts";
import type { Drop } from "./watch.ts";

/** Deliveries from the log that are on their way before they are acknowledged, which for a stream is only flow control. */
const prefetch = 1000;
const ackEvery = 250;

/** How long the log may take to show the record seen last before it is taken for another one, in milliseconds. */
const sureWithinMs = 60_000;
/** The same where RabbitMQ has cancelled the follower, as it does when a queue is deleted. */
const sureWithinAfterCancelMs = 3000;

/** What follows the log, and how. */
export interface FollowingOptions {
  readonly follower: Follower;
  readonly marks: Marks;
  /** After a silence of this length the log is asked for a sign, in milliseconds. */
  readonly markAfterMs: number;
  /** Hears of every mark that came by the exchange for them: processors name their groups by them. */
  heard(mark: Envelope): void;
  /** RabbitMQ has ended the follower, as it does when the log is deleted. */
  cancelled(): void;
  /** The log does not show what is written to it. */
  silent(drop: Drop): void;
}

/** Follows the log over all lives of the connection: each goes on from where the one before has left it. */
export class Following {
  readonly options: FollowingOptions;
  readonly position = new LogPosition();
  /** RabbitMQ ended the last session by cancelling its consumer. */
  #wasCancelled = false;

  constructor(options: FollowingOptions) {
    this.options = options;
  }

  /** Follows until the connection is lost. */
  async start(life: Life): Promise<void> {
    const { follower, marks, silent, markAfterMs } = this.options;
    const wasCancelled = this.#wasCancelled;
    this.#wasCancelled = false;
    const channel = await life.channel();
    await channel.prefetch(prefetch);
    const session = new FollowingSession(channel, this, life.drop);
    const { start } = this.position;
    this.position.opened(Math.floor(Date.now() / 1000));
    const onDelivery = (delivery: ConsumeMessage | null) => {
      if (delivery !== null) session.deliver(delivery);
      else if (session.cancelled()) this.#wasCancelled = true;
    };
    await channel.consume(logStream, onDelivery, {
      arguments: { "x-stream-offset": start } satisfies Options.Consume["arguments"],
    });
    marks.opened(() => silent(life.drop));
    marks.ask((offset) => follower.marked(offset));
    const watchdog = setInterval(() => session.look(), markAfterMs);
    const timer = setTimeout(
      () => session.mustBeSure(),
      wasCancelled ? sureWithinAfterCancelMs : sureWithinMs,
    );
    life.onLoss(() => {
      session.end();
      marks.closed();
      clearInterval(watchdog);
      clearTimeout(timer);
    });
  }
}

/** What one connection brings of the log. */
class FollowingSession {
  readonly #channel: Channel;
  readonly #following: Following;
  readonly #drop: Drop;
  #unacked = 0;
  #last: ConsumeMessage | undefined;
  #hasHeard = true;
  #isOver = false;

  constructor(channel: Channel, following: Following, drop: Drop) {
    this.#channel = channel;
    this.#following = following;
    this.#drop = drop;
  }

  deliver(delivery: ConsumeMessage): void {
    if (this.#isOver) return;
    this.#hasHeard = true;
    const { position, options } = this.#following;
    const { follower, marks, heard } = options;
    const offset = offsetOf(delivery);
    const envelope = fromDelivery(delivery);
    const sighting = position.take(offset, envelope);
    if (sighting === "of another log") {
      this.#isOver = true;
      this.#beginAgain();
      return;
    }
    if (sighting === "behind a gap") follower.missed("dropped");
    if (sighting !== "seen") {
      // What comes by the exchanges for messages says nothing of groups: anybody that may write to clients can have sent it.
      if (marks.take(offset, envelope)) {
        if (delivery.fields.exchange === exchanges.marks) heard(envelope);
      } else follower.record(offset, cameBy(delivery.fields.exchange), envelope);
    }
    this.#last = delivery;
    this.#unacked++;
    if (this.#unacked >= ackEvery) this.#ack();
  }

  /** RabbitMQ has cancelled the consumer. Returns whether that is news. */
  cancelled(): boolean {
    if (this.#isOver) return false;
    this.#following.options.cancelled();
    this.#drop(`the queue ${logStream} has gone or moved: declaring it again`);
    return true;
  }

  /** Looks after the log: a follower whose part of it is dropped under it gets nothing any more, and RabbitMQ 3.10 does not say so. */
  look(): void {
    // RabbitMQ 3.10 closes the channel of a follower that leaves deliveries unacknowledged for its consumer_timeout (30 min).
    this.#ack();
    if (!this.#hasHeard) this.#following.options.marks.ask(() => undefined);
    this.#hasHeard = false;
  }

  /** By now the log should have shown the record that was seen last. */
  mustBeSure(): void {
    if (!this.#following.position.isSure) this.#beginAgain();
  }

  end(): void {
    this.#isOver = true;
  }

  #beginAgain(): void {
    this.#following.position.restart();
    this.#following.options.follower.missed("another log");
    this.#drop(`"${logStream}" is another log than before: reading it from its beginning`);
  }

  #ack(): void {
    if (this.#unacked === 0 || this.#last === undefined) return;
    this.#unacked = 0;
    this.#channel.ack(this.#last, true);
  }
}

/** Follows by a queue of its own, where there is no log (`--log off`). Offsets only number what came. */
export async function followOwnQueue(life: Life, queue: string, follower: Follower): Promise<void> {
  const channel = await life.channel();
  let offset = 0;
  const onDelivery = (delivery: ConsumeMessage | null) => {
    if (delivery === null) life.drop("the follower's own queue was deleted");
    else follower.record(offset++, cameBy(delivery.fields.exchange), fromDelivery(delivery));
  };
  await channel.consume(queue, onDelivery, { noAck: true });
}
