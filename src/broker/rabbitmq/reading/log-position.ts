import type { Envelope } from "../../../envelope/envelope.ts";

/** Where to read on in the log: RabbitMQ's `x-stream-offset`. */
export type StreamOffset = "next" | "first" | number | { readonly "!": "timestamp"; readonly value: number };

/** What a record is to who follows the log. */
export type Sighting = "new" | "seen" | "behind a gap" | "of another log";

/**
 * Where a follower is in the log. No I/O.
 *
 * A log that was deleted and declared again counts from 0, and RabbitMQ takes an offset that it has not reached for one to
 * wait for. So reading goes on with the last record seen, not after it: the same log shows it again at once.
 */
export class LogPosition {
  #start: StreamOffset = "next";
  #last: { readonly offset: number; readonly envelope: Envelope } | undefined;
  #isSure = true;

  /** Where to read from in a new session. */
  get start(): StreamOffset {
    return this.#last?.offset ?? this.#start;
  }

  /** Whether this session has shown that it reads the log that was read before. */
  get isSure(): boolean {
    return this.#isSure;
  }

  /**
   * Whether a log that ends like this is another one: it ends before the record that was seen last.
   *
   * @param lastChunk where its last chunk begins, which was written after this session had begun
   */
  isBeyond(lastChunk: number): boolean {
    return this.#last !== undefined && lastChunk < this.#last.offset;
  }

  /** A session begins to read at `start`. */
  opened(nowSeconds: number): void {
    this.#isSure = this.#last === undefined;
    // Should nothing be seen before the connection is lost, following goes on from this moment.
    if (this.#start === "next") this.#start = { "!": "timestamp", value: nowSeconds };
  }

  /** Each record of the session, in order. */
  take(offset: number, envelope: Envelope): Sighting {
    const last = this.#last;
    if (last !== undefined) {
      if (offset === last.offset && !this.#isSure && !isSame(envelope, last.envelope))
        return "of another log";
      // RabbitMQ reads whole chunks, and may show what lies before the offset asked for.
      if (offset === last.offset) this.#isSure = true;
      if (offset <= last.offset) return "seen";
    }
    // Unsure still: the log has dropped what was seen last, and all up to here.
    const sighting = this.#isSure ? "new" : "behind a gap";
    this.#isSure = true;
    this.#last = { offset, envelope };
    return sighting;
  }

  /** It is another log: all that is in it is new. */
  restart(): void {
    this.#last = undefined;
    this.#start = "first";
  }
}

/** Many programs give their messages neither an id nor a time, so that everything else has to tell them apart. */
function isSame(one: Envelope, other: Envelope): boolean {
  return identityOf(one) === identityOf(other) && one.body.equals(other.body);
}

function identityOf({ messageId, appId, timestamp, routingKey, clientId, headers }: Envelope): string {
  return JSON.stringify([messageId, appId, timestamp, routingKey, clientId, headers]);
}
