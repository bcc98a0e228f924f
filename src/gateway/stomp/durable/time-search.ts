import type { Broker, LogReading } from "../../../broker/broker.ts";
import type { Position } from "../../../log/position.ts";

/** Where in the log a time lies. */
export type Found =
  /** With the message to begin with, and whether older ones of that time are there no more. */
  | { readonly place: Position; readonly isBehindGap: boolean }
  /** Everything older than what is in memory is gone, or never was. */
  | "nothing kept";

/**
 * Looks for the first record that is not older than a time. RabbitMQ finds the chunk of the log that it lies in, so the records
 * before it are passed over; and since RabbitMQ does not tell that the log begins later than that, its first record is looked at
 * before. One search at a time, whatever clients ask for; those who ask for the same time share one.
 */
export class TimeSearch {
  readonly #read: Broker["read"];
  /** Whom to tell, by the time that they asked for. */
  readonly #asked = new Map<number, Set<(found: Found) => void>>();
  #reading: LogReading | undefined;
  #retryTimer: NodeJS.Timeout | undefined;

  constructor(read: Broker["read"]) {
    this.#read = read;
  }

  /**
   * @param timestamp seconds since 1970
   * @param then called once, in a later turn of the event loop
   * @returns what is to be called if nobody wants to know any more: then `then` is not called
   */
  find(timestamp: number, then: (found: Found) => void): () => void {
    const asked = this.#asked.get(timestamp);
    if (asked !== undefined) asked.add(then);
    else {
      this.#asked.set(timestamp, new Set([then]));
      if (this.#asked.size === 1) this.#next();
    }
    return () => this.#forget(timestamp, then);
  }

  #forget(timestamp: number, then: (found: Found) => void): void {
    const asked = this.#asked.get(timestamp);
    if (asked === undefined || !asked.delete(then) || asked.size > 0) return;
    // The search that goes on comes to its end, and the next one follows.
    const searched = this.#asked.keys().next().value;
    if (timestamp !== searched) this.#asked.delete(timestamp);
  }

  close(): void {
    clearTimeout(this.#retryTimer);
    this.#reading?.stop();
    this.#asked.clear();
  }

  #next(): void {
    const timestamp = this.#asked.keys().next().value;
    if (timestamp !== undefined) this.#lookAtFirst(timestamp);
  }

  #lookAtFirst(timestamp: number): void {
    this.#readUntil("first", (offset, at) => {
      if (at !== undefined && at < timestamp) this.#lookBehind(timestamp);
      else this.#found(timestamp, { place: { offset, index: -1 }, isBehindGap: offset > 0 });
      return true;
    });
  }

  #lookBehind(timestamp: number): void {
    this.#readUntil({ timestamp }, (offset, at) => {
      if (at !== undefined && at < timestamp) return false;
      this.#found(timestamp, { place: { offset, index: -1 }, isBehindGap: false });
      return true;
    });
  }

  #readUntil(
    start: Parameters<Broker["read"]>[0],
    isEnd: (offset: number, timestamp: number | undefined) => boolean,
  ): void {
    const reading = this.#read(start, {
      record: (offset, _exchange, envelope) => {
        if (this.#reading !== reading) return;
        if (isEnd(offset, envelope.timestamp)) reading.stop();
        else reading.handled(1);
      },
      ended: (why) => {
        if (this.#reading !== reading) return;
        if (why === "nothing kept")
          for (const timestamp of [...this.#asked.keys()]) this.#found(timestamp, why);
        else this.#retryTimer = setTimeout(() => this.#next(), retryMs);
      },
    });
    this.#reading = reading;
  }

  #found(timestamp: number, found: Found): void {
    this.#reading?.stop();
    this.#reading = undefined;
    const asked = this.#asked.get(timestamp) ?? [];
    this.#asked.delete(timestamp);
    for (const then of asked) then(found);
    if (this.#asked.size > 0) this.#next();
  }
}

/** Before a search that was cut off is begun anew, in milliseconds. */
const retryMs = 500;
