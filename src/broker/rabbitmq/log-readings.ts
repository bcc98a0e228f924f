import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import type { LogReader, LogReading, LogStart } from "../broker.ts";
import { fromDelivery, offsetOf } from "./codec.ts";
import type { StreamOffset } from "./log-position.ts";
import { ReadAhead } from "./read-ahead.ts";
import { logStream } from "./topology.ts";

/**
 * Readers of the log beside its followers, each on a channel of the connection that consumes. Whatever ends one ends it
 * alone: they are begun anew by whoever needs them.
 */
export class LogReadings {
  #connection: ChannelModel | undefined;
  readonly #open = new Set<Reading>();
  readonly #isKnown: () => boolean;

  /**
   * @param isKnown whether the followers know which log it is: a new one after a deletion, read by places of the old one, is a hole
   * without a word
   */
  constructor(isKnown: () => boolean) {
    this.#isKnown = isKnown;
  }

  opened(connection: ChannelModel): void {
    this.#connection = connection;
  }

  closed(): void {
    this.#connection = undefined;
    for (const reading of [...this.#open]) reading.lost();
  }

  read(start: LogStart, reader: LogReader): LogReading {
    const reading = new Reading(reader, () => this.#open.delete(reading));
    this.#open.add(reading);
    const connection = this.#connection;
    if (connection === undefined || !this.#isKnown()) setImmediate(() => reading.lost());
    // Whatever went wrong, it has to be begun anew.
    else reading.begin(connection, start).catch(() => reading.lost());
    return reading;
  }
}

class Reading implements LogReading {
  readonly #reader: LogReader;
  readonly #onEnd: () => void;
  #channel: Channel | undefined;
  readonly #ahead: ReadAhead;
  #isOver = false;

  constructor(reader: LogReader, onEnd: () => void) {
    this.#reader = reader;
    this.#ahead = new ReadAhead(reader.aheadMax);
    this.#onEnd = onEnd;
  }

  async begin(connection: ChannelModel, start: LogStart): Promise<void> {
    const channel = await connection.createChannel();
    this.#channel = channel;
    channel.on("error", () => this.lost());
    channel.on("close", () => this.lost());
    if (this.#isOver) return this.#closeChannel();
    await channel.prefetch(this.#reader.aheadMax);
    const onDelivery = (delivery: ConsumeMessage | null) => {
      if (delivery === null) this.lost();
      else this.#deliver(delivery);
    };
    await channel.consume(logStream, onDelivery, { arguments: { "x-stream-offset": startArgument(start) } });
  }

  #deliver(delivery: ConsumeMessage): void {
    if (this.#isOver) return;
    this.#ahead.came(delivery.content.byteLength);
    this.#reader.record(offsetOf(delivery), delivery.fields.exchange, fromDelivery(delivery));
  }

  /** Deliveries are counted on a channel of their own, as their tags are. */
  handled(count: number): void {
    const upTo = this.#ahead.handled(count);
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
    this.#onEnd();
    this.#closeChannel();
  }

  #closeChannel(): void {
    const close = async () => await this.#channel?.close();
    // It may be closed already, by RabbitMQ or with its connection.
    close().catch(() => undefined);
  }
}

function startArgument(start: LogStart): StreamOffset {
  return typeof start === "object" ? { "!": "timestamp", value: start.timestamp } : start;
}
