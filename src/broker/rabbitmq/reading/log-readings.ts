import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import type { LogReader, LogReading, LogStart } from "../../broker.ts";
import { fromDelivery, offsetOf } from "../frames/codec.ts";
import { type OpeningChannel, openingChannel } from "../frames/opening-channel.ts";
import { cameBy } from "../topology/exchanges.ts";
import { logStream } from "../topology/topology.ts";
import { type Begin, Beginnings } from "./beginnings.ts";
import { Leaps } from "./leaps.ts";
import { oldestOffset } from "./log-end.ts";
import type { StreamOffset } from "./log-position.ts";
import { aheadBytesMax, ReadAhead } from "./read-ahead.ts";

/** How much may be on its way to readings, in records and bytes. */
interface OnTheWay {
  readonly records: number;
  readonly bytes: number;
}

/** How much may be on its way to a reading while another one begins, whose first record would have to wait for that. */
const besideBeginning: OnTheWay = { records: 32, bytes: 64 * 1024 };
/** How much may be on its way to all readings together, in equal shares, and to a single one at most. */
const onTheWayMax: OnTheWay = { records: 1024, bytes: aheadBytesMax };
const eachAtLeast: OnTheWay = { records: 128, bytes: 128 * 1024 };
/** How many records may be on their way to a reading that had to wait because very many begin: most of these end after a few records. */
const heldUpMax = 64;

/**
 * Readers of the log beside its followers, each on a channel of the consuming connection. A failure ends only the reading that it concerns;
 * the code that needs it starts it again.
 */
export class LogReadings {
  #connection: ChannelModel | undefined;
  readonly #open = new Set<Reading>();
  /** The readings that have got no record yet. */
  readonly #beginning = new Set<Reading>();
  readonly #isKnown: () => boolean;
  readonly #opening: (connection: ChannelModel) => OpeningChannel;
  readonly #beginnings: Beginnings;

  /**
   * @param isKnown whether the followers know which log it is. After a deletion, a new log that is read from a place in the old one would
   *   have a gap that nobody notices
   * @param opening opens a channel on which all questions are sent at once
   * @param now the time in milliseconds
   */
  constructor(isKnown: () => boolean, opening = openingChannel, now = () => performance.now()) {
    this.#isKnown = isKnown;
    this.#opening = opening;
    this.#beginnings = new Beginnings(now);
  }

  opened(connection: ChannelModel): void {
    this.#connection = connection;
  }

  closed(): void {
    this.#connection = undefined;
    for (const reading of [...this.#open]) reading.lost();
  }

  read(start: LogStart, reader: LogReader): LogReading {
    const connection = this.#connection;
    const prefetch = Math.min(reader.aheadMax, shareOf(this.#open.size + 1).records);
    const reading: Reading = new Reading(reader, {
      begun: () => this.#beginning.delete(reading),
      over: () => {
        this.#beginnings.forget(begin);
        this.#beginning.delete(reading);
        this.#open.delete(reading);
      },
      onTheWayMax: () => (this.#beginning.size > 0 ? besideBeginning : shareOf(this.#open.size)),
      oldest: () => oldestOffset(connection!),
    });
    const begin: Begin = (isHeldUp) => {
      this.#beginning.add(reading);
      const ahead = isHeldUp ? Math.min(prefetch, heldUpMax) : prefetch;
      // Whatever has gone wrong, it has to start again.
      reading.begin(() => this.#opening(connection!), start, ahead).catch(() => reading.lost());
    };
    this.#open.add(reading);
    if (connection === undefined || !this.#isKnown()) setImmediate(() => reading.lost());
    else this.#beginnings.add(begin);
    return reading;
  }
}

function shareOf(readings: number): OnTheWay {
  return {
    records: Math.max(eachAtLeast.records, Math.floor(onTheWayMax.records / readings)),
    bytes: Math.max(eachAtLeast.bytes, Math.floor(onTheWayMax.bytes / readings)),
  };
}

/** What a reading needs to know of the others. */
interface Others {
  /** Called when it has got its first record. */
  begun(): void;
  over(): void;
  /** How much may be on its way to it at this moment. */
  onTheWayMax(): OnTheWay;
  /** The oldest offset that the log has; undefined if RabbitMQ does not show it soon. */
  oldest(): Promise<number | undefined>;
}

class Reading implements LogReading {
  readonly #reader: LogReader;
  readonly #others: Others;
  #channel: Channel | undefined;
  #opened: Promise<unknown> | undefined;
  /** Created when the reading begins. */
  #ahead: ReadAhead | undefined;
  #hasBegun = false;
  #isOver = false;
  /** One that was overtaken by what the log drops is lost: another one shows those that read where it begins. */
  readonly #leaps: Leaps<ConsumeMessage>;

  constructor(reader: LogReader, others: Others) {
    this.#reader = reader;
    this.#others = others;
    this.#leaps = new Leaps({
      oldest: () => others.oldest(),
      next: (delivery) =>
        reader.record(offsetOf(delivery), cameBy(delivery.fields.exchange), fromDelivery(delivery)),
      behindGap: () => this.lost(),
      unsure: () => this.lost(),
    });
  }

  /** @param prefetch how many records RabbitMQ sends before any is handled */
  async begin(opening: () => OpeningChannel, start: LogStart, prefetch: number): Promise<void> {
    this.#ahead = new ReadAhead(prefetch);
    const { channel, opened } = opening();
    this.#channel = channel;
    this.#opened = opened;
    channel.on("error", () => this.lost());
    channel.on("close", () => this.lost());
    const onDelivery = (delivery: ConsumeMessage | null) => {
      if (delivery === null) this.lost();
      else this.#deliver(delivery);
    };
    const consume = { arguments: { "x-stream-offset": startArgument(start) } };
    await Promise.all([opened, channel.prefetch(prefetch), channel.consume(logStream, onDelivery, consume)]);
  }

  #deliver(delivery: ConsumeMessage): void {
    if (this.#isOver) return;
    if (!this.#hasBegun) this.#others.begun();
    this.#hasBegun = true;
    this.#ahead!.came(delivery.content.byteLength);
    this.#leaps.came(offsetOf(delivery), delivery);
  }

  /** Deliveries are counted per channel, like their tags. */
  handled(count: number): void {
    const { records, bytes } = this.#others.onTheWayMax();
    const upTo = this.#ahead?.handled(count, records, bytes);
    if (upTo === undefined || this.#isOver) return;
    this.#channel?.ack({ fields: { deliveryTag: upTo } } as ConsumeMessage, true);
  }

  lost(): void {
    if (this.#isOver) return;
    this.stop();
    this.#reader.ended("lost");
  }

  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#leaps.end();
    this.#others.over();
    this.#closeChannel();
  }

  #closeChannel(): void {
    // RabbitMQ closes a connection on which a channel is closed before it was opened.
    const close = async () => {
      await this.#opened;
      await this.#channel?.close();
    };
    // RabbitMQ may have closed it already, or its connection may have ended.
    close().catch(() => undefined);
  }
}

function startArgument(start: LogStart): StreamOffset {
  return typeof start === "object" ? { "!": "timestamp", value: start.timestamp } : start;
}
