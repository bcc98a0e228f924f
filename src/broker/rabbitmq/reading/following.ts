import type { Channel, ConsumeMessage, Options } from "amqplib";
import type { Envelope } from "../../../envelope/envelope.ts";
import { fingerprintOf } from "../../../envelope/fingerprint.ts";
import type { Follower } from "../../broker.ts";
import type { Haste } from "../connection/haste.ts";
import { BeginAnew, type Life } from "../connection/life.ts";
import type { Drop } from "../connection/watch.ts";
import { fromDelivery, offsetOf } from "../frames/codec.ts";
import { channelNumber } from "../frames/innards.ts";
import { around, cameBy, exchanges } from "../topology/exchanges.ts";
import { logStream } from "../topology/topology.ts";
import { Doubt } from "./doubt.ts";
import { Leaps } from "./leaps.ts";
import { LogCredit, prefetch } from "./log-credit.ts";
import { lastChunkOffset, oldestOffset } from "./log-end.ts";
import { LogPosition } from "./log-position.ts";
import type { Marks } from "./marks.ts";

/** If a pause is at least this long, in milliseconds, RabbitMQ may send in steps too. */
const stepMs = 20;

/** The interval at which a log is asked for its end while it has not shown the last record. In milliseconds. */
const doubtEveryMs = 400;

/** The follower of the log, and how it follows. */
export interface FollowingOptions {
  readonly follower: Follower;
  readonly marks: Marks;
  /** After this time without a record, a mark is written to check the log. In milliseconds. */
  readonly markAfterMs: number;
  /** Whether this process waits for something that comes by the log. */
  readonly haste: Haste;
  /** Called when anything has come from the log. */
  shown(nowMs: number): void;
  /** Called for every mark that came through the marks' exchange: processors announce their groups by marks. */
  heard(mark: Envelope): void;
  /** Called when RabbitMQ has cancelled the consumer, as it does when the log is deleted. */
  cancelled(): void;
  /** Called when the log does not show what is written to it. */
  silent(drop: Drop): void;
}

/** Follows the log over all connections: each session continues where the one before has ended. */
export class Following {
  readonly options: FollowingOptions;
  readonly position = new LogPosition();
  readonly doubt = new Doubt();

  constructor(options: FollowingOptions) {
    this.options = options;
  }

  /** Follows until the connection is lost. */
  async start(life: Life): Promise<void> {
    const { follower, marks, silent, markAfterMs } = this.options;
    const { channel, opened } = life.openingChannel();
    const session = new FollowingSession(channel, this, life);
    const { start } = this.position;
    this.position.opened(Math.floor(Date.now() / 1000));
    this.doubt.opened();
    const startedMs = performance.now();
    const onDelivery = (delivery: ConsumeMessage | null) => {
      if (delivery !== null) session.deliver(delivery);
      else session.cancelled();
    };
    const consume: Options.Consume = { arguments: { "x-stream-offset": start } };
    await Promise.all([opened, channel.prefetch(prefetch), channel.consume(logStream, onDelivery, consume)]);
    marks.opened(() => silent(life.drop));
    marks.ask((offset, mark) => follower.marked(offset, fingerprintOf(mark)));
    const { haste } = this.options;
    const coalescing = life.reader.coalesceReads({
      channel: channelNumber(channel),
      patienceMs: () => (haste.isOn(performance.now()) ? 0 : follower.patienceMs),
      pausing: (ms) => (ms < stepMs ? session.credit.flow() : session.credit.step()),
      hurried: () => session.credit.flow(),
    });
    const unheard = haste.onPublished(() => coalescing?.wake());
    const watchdog = setInterval(() => session.look(), markAfterMs);
    const timer = setTimeout(() => session.restartUnlessSure(), this.doubt.leftMs);
    const doubting = setInterval(() => {
      if (this.position.isSure) clearInterval(doubting);
      else void session.doubt();
    }, doubtEveryMs);
    life.onLoss(() => {
      const silentMs = marks.isAwaited ? performance.now() - startedMs : 0;
      this.doubt.ended(this.position.isSure, session.wasCancelled, silentMs);
      session.end();
      unheard();
      coalescing?.end();
      marks.closed();
      clearInterval(watchdog);
      clearInterval(doubting);
      clearTimeout(timer);
    });
  }
}

/** The part of the log that comes over one connection. */
class FollowingSession {
  readonly credit: LogCredit;
  readonly #following: Following;
  readonly #life: Life;
  readonly #leaps: Leaps<ConsumeMessage>;
  /** RabbitMQ has cancelled its consumer. */
  wasCancelled = false;
  #hasHeard = true;
  #isOver = false;
  #isAsking = false;

  constructor(channel: Channel, following: Following, life: Life) {
    this.credit = new LogCredit((deliveryTag) =>
      channel.ack({ fields: { deliveryTag } } as ConsumeMessage, true),
    );
    this.#following = following;
    this.#life = life;
    const { last } = following.position;
    this.#leaps = new Leaps(
      {
        oldest: () => oldestOffset(life.connection),
        next: (delivery) => this.#take(delivery),
        behindGap: () => following.options.follower.missed("dropped"),
        unsure: () => life.drop(new BeginAnew(`"${logStream}" does not show its oldest record`)),
      },
      last === undefined ? undefined : { offset: last, isMissing: () => this.#beginAgain() },
    );
  }

  deliver(delivery: ConsumeMessage): void {
    this.#hasHeard = true;
    this.#leaps.came(offsetOf(delivery), delivery);
  }

  #take(delivery: ConsumeMessage): void {
    const { position, options } = this.#following;
    const { follower, marks, shown, heard } = options;
    const offset = offsetOf(delivery);
    const envelope = fromDelivery(delivery);
    const sighting = position.take(offset, envelope);
    if (sighting === "of another log") {
      this.end();
      this.#beginAgain();
      return;
    }
    if (sighting !== "seen") {
      shown(performance.now());
      // Marks that came through the exchanges for messages say nothing about groups: anybody that may write to clients could have sent
      // them.
      if (marks.take(offset, envelope)) {
        if (delivery.fields.exchange === exchanges.marks) heard(envelope);
      } else follower.record(offset, cameBy(delivery.fields.exchange), envelope);
    }
    this.credit.delivered(delivery.fields.deliveryTag);
  }

  /** RabbitMQ has cancelled the consumer. */
  cancelled(): void {
    if (this.#isOver) return;
    this.wasCancelled = true;
    this.#following.options.cancelled();
    this.#life.drop(`the queue ${logStream} has gone or moved: declaring it again`);
  }

  /** Checks the log. If the part that a follower reads is dropped by the retention, RabbitMQ 3.10 sends nothing any more, and does not say so. */
  look(): void {
    // RabbitMQ 3.10 closes the channel of a follower that leaves deliveries unacknowledged for its consumer_timeout (30 min).
    this.credit.look();
    if (!this.#hasHeard) this.#following.options.marks.ask(() => undefined);
    this.#hasHeard = false;
  }

  /**
   * The log has not shown the record that was seen last. It may be another log, in which RabbitMQ waits for that place to be reached: then
   * it ends before that place although a mark was written since.
   */
  async doubt(): Promise<void> {
    const { position, options, doubt } = this.#following;
    if (this.#isAsking || !options.marks.isAwaited) return;
    this.#isAsking = true;
    const lastChunk = await lastChunkOffset(this.#life.connection).catch(() => undefined);
    this.#isAsking = false;
    if (this.#isOver || position.isSure || lastChunk === undefined) return;
    if (doubt.asked(position.isBeyond(lastChunk))) this.#beginAgain();
  }

  /** The time is over in which the log should have shown the record that was seen last. If it has shown a later one, `Leaps` decides. */
  restartUnlessSure(): void {
    if (!this.#following.position.isSure && !this.#leaps.isAsking) this.#beginAgain();
  }

  end(): void {
    this.#isOver = true;
    this.#leaps.end();
  }

  #beginAgain(): void {
    this.#following.position.restart();
    this.#following.options.follower.missed("another log");
    this.#life.drop(
      new BeginAnew(`"${logStream}" is another log than before: reading it from its beginning`),
    );
  }
}

/**
 * Follows by a queue of its own if there is no log (`--log off`). It goes with its connection, and what is published meanwhile is lost.
 * Offsets just number what came.
 */
export async function followOwnQueue(life: Life, follower: Follower): Promise<void> {
  const { channel, opened } = life.openingChannel();
  const queue = `${exchanges.fromClients}.follower-${crypto.randomUUID()}`;
  let offset = 0;
  const onDelivery = (delivery: ConsumeMessage | null) => {
    if (delivery === null) life.drop("the follower's own queue was deleted");
    else follower.record(offset++, cameBy(delivery.fields.exchange), fromDelivery(delivery));
  };
  await Promise.all([
    opened,
    channel.assertQueue(queue, { exclusive: true, durable: false }),
    channel.bindQueue(queue, around.queues(exchanges.fromClients), ""),
    channel.bindQueue(queue, around.queues(exchanges.toClients), ""),
    channel.consume(queue, onDelivery, { noAck: true }),
  ]);
}
