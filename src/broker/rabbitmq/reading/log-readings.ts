import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import type { LogReader, LogReading, LogStart } from "../../broker.ts";
import { fromDelivery, offsetOf } from "../frames/codec.ts";
import { type OpeningChannel, openingChannel } from "../frames/opening-channel.ts";
import { cameBy } from "../topology/exchanges.ts";
import { logStream } from "../topology/topology.ts";
import { type Begin, Beginnings } from "./beginnings.ts";
import type { StreamOffset } from "./log-position.ts";
import { aheadBytesMax, ReadAhead } from "./read-ahead.ts";

/** What may be on its way to readings, in records and in bytes. */
interface OnTheWay {
  readonly records: number;
  readonly bytes: number;
}

/** What may be on its way to a reading while another one begins, which gets its first record after that. */
const besideBeginning: OnTheWay = { records: 32, bytes: 64 * 1024 };
/** What may be on its way to all readings together, shared equally; and to each of them, however many there are. */
const onTheWayMax: OnTheWay = { records: 1024, bytes: aheadBytesMax };
const eachAtLeast: OnTheWay = { records: 128, bytes: 128 * 1024 };
/** How many are sent ahead to one that had to wait since very many begin: most of these end when they have got a few. */
const heldUpMax = 64;

/**
 * Readers of the log beside its followers, each on a channel of the connection that consumes. Whatever ends one ends it
 * alone: the code that needs one begins it anew.
 */
export class LogReadings {
  #connection: ChannelModel | undefined;
  readonly #open = new Set<Reading>();
  /** Those of them that have got no record yet. */
  readonly #beginning = new Set<Reading>();
  readonly #isKnown: () => boolean;
  readonly #opening: (connection: ChannelModel) => OpeningChannel;
  readonly #beginnings: Beginnings;

  /**
   * @param isKnown whether the followers know which log it is: a new one after a deletion, read by places of the old one, is a hole
   * without a word
   * @param opening opens a channel over which all is asked at once
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
    const prefetch = Math.min(reader.aheadMax, shareOf(this.#open.size + 1).records);
    const reading: Reading = new Reading(reader, {
      begun: () => this.#beginning.delete(reading),
      over: () => {
        this.#beginnings.forget(begin);
        this.#beginning.delete(reading);
        this.#open.delete(reading);
      },
      onTheWayMax: () => (this.#beginning.size > 0 ? besideBeginning : shareOf(this.#open.size)),
    });
    const connection = this.#connection;
    const begin: Begin = (isHeldUp) => {
      this.#beginning.add(reading);
      const ahead = isHeldUp ? Math.min(prefetch, heldUpMax) : prefetch;
      // Whatever went wrong, it has to be begun anew.
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

/** What a reading has to do with the others. */
interface Others {
  /** It has got its first record. */
  begun(): void;
  over(): void;
  /** What may be on its way to it at this moment. */
  onTheWayMax(): OnTheWay;
}

class Reading implements LogReading {
  readonly #reader: LogReader;
  readonly #others: Others;
  #channel: Channel | undefined;
  #opened: Promise<unknown> | undefined;
  /** Made when it begins. */
  #ahead: ReadAhead | undefined;
  #hasBegun = false;
  #isOver = false;

  constructor(reader: LogReader, others: Others) {
    this.#reader = reader;
    this.#others = others;
  }

  /** @param prefetch records that RabbitMQ sends it before any is handled */
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
    this.#reader.record(offsetOf(delivery), cameBy(delivery.fields.exchange), fromDelivery(delivery));
  }

  /** Deliveries are counted on a channel of their own, as their tags are. */
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
    this.#others.over();
    this.#closeChannel();
  }

  #closeChannel(): void {
    // RabbitMQ closes a connection on which a channel is closed before it was opened.
    const close = async () => {
      await this.#opened;
      await this.#channel?.close();
    };
    // It may be closed already, by RabbitMQ or with its connection.
    close().catch(() => undefined);
  }
}

function startArgument(start: LogStart): StreamOffset {
  return typeof start === "object" ? { "!": "timestamp", value: start.timestamp } : start;
}
