import type { Broker, LogReading, LogStart, RecordExchange } from "../broker/broker.ts";
import type { Envelope } from "../envelope/envelope.ts";

/** A reading that gets no record for this long has reached the log's end, or is stuck. In milliseconds. */
const silenceMsMax = 15_000;

/** The reason when a reading ended because nothing came. */
export const nothingCame = "nothing came";

/** Which part of the log is read. */
export interface PastPart {
  readonly start: LogStart;
  /** The offset at which reading stops, exclusive. */
  readonly until: number;
  /** The time at which reading is given up, by `performance.now()`. */
  readonly endsAtMs: number;
  /** How many records may be on their way. */
  readonly aheadMax: number;
  /** The wait before the log is read again after its reading was lost, in milliseconds. */
  readonly retryMs: number;
}

/** Receives the records of one part of the log. */
export interface PastReader {
  /** The next record. Each comes once. */
  record(offset: number, exchange: RecordExchange, envelope: Envelope): void;
  /** The reading was lost, for instance with the connection, and is started again. */
  lost?(): void;
  /** @param why it was not read to its end; undefined if it was */
  ended(why: string | undefined): void;
}

/** Reads one part of the log. It starts again when the reading is lost, and gives up at the deadline. */
export class PastReading {
  readonly #broker: Pick<Broker, "read">;
  readonly #part: PastPart;
  readonly #reader: PastReader;
  #reading: LogReading | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** The offset of the last record that was read. */
  #last = -1;

  constructor(broker: Pick<Broker, "read">, part: PastPart, reader: PastReader) {
    this.#broker = broker;
    this.#part = part;
    this.#reader = reader;
    this.#read();
  }

  /** Stops reading. `ended` is not called any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#reading?.stop();
    this.#reading = undefined;
  }

  #read(): void {
    const { start, until, aheadMax, endsAtMs } = this.#part;
    this.#timer = setTimeout(() => this.#end(nothingCame), silenceMsMax);
    const reading = this.#broker.read(start, {
      aheadMax,
      record: (offset, exchange, envelope) => {
        if (this.#reading !== reading) return;
        if (offset >= until) this.#end(undefined);
        else if (performance.now() >= endsAtMs) this.#end("that takes too long");
        else {
          this.#timer?.refresh();
          // A restarted reading begins with records that were read already.
          if (offset > this.#last) {
            this.#last = offset;
            this.#reader.record(offset, exchange, envelope);
          }
          reading.handled(1);
        }
      },
      ended: (why) => {
        if (this.#reading !== reading) return;
        if (why === "nothing kept") this.#end(undefined);
        else this.#again();
      },
    });
    this.#reading = reading;
  }

  #again(): void {
    this.stop();
    this.#reader.lost?.();
    if (performance.now() >= this.#part.endsAtMs) this.#end("its reading is lost again and again");
    else this.#timer = setTimeout(() => this.#read(), this.#part.retryMs);
  }

  #end(why: string | undefined): void {
    this.stop();
    this.#reader.ended(why);
  }
}
