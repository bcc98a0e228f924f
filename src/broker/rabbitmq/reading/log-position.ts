import type { Envelope } from "../../../envelope/envelope.ts";

/** Where reading of the log continues: RabbitMQ's `x-stream-offset`. */
export type StreamOffset = "next" | "first" | number | { readonly "!": "timestamp"; readonly value: number };

/** How a record relates to what the follower has got before. */
export type Sighting = "new" | "seen" | "of another log";

/**
 * A follower's place in the log. No I/O.
 *
 * A log that was deleted and declared again counts from 0, and RabbitMQ waits if it is asked for an offset that the log has not reached. So
 * reading continues with the last record seen, not after it: the same log shows that record again at once, unless it has dropped it.
 * `Leaps` finds out which, before a later record is taken here.
 */
export class LogPosition {
  #start: StreamOffset = "next";
  #last: { readonly offset: number; readonly envelope: Envelope } | undefined;
  #isSure = true;

  /** The offset of the record that was seen last, in this log or, before a session is sure, in the one before. */
  get last(): number | undefined {
    return this.#last?.offset;
  }

  /** Where a new session begins to read. */
  get start(): StreamOffset {
    return this.#last?.offset ?? this.#start;
  }

  /** Whether this session has shown that it reads the same log as before. */
  get isSure(): boolean {
    return this.#isSure;
  }

  /**
   * Whether a log that ends here is another one, since it ends before the record that was seen last.
   *
   * @param lastChunk the offset of its last chunk, which was written after this session had begun
   */
  isBeyond(lastChunk: number): boolean {
    return this.#last !== undefined && lastChunk < this.#last.offset;
  }

  /** A session begins to read at `start`. */
  opened(nowSeconds: number): void {
    this.#isSure = this.#last === undefined;
    // If the connection is lost before a record comes, following continues from this moment.
    if (this.#start === "next") this.#start = { "!": "timestamp", value: nowSeconds };
  }

  /** Takes each record of the session, in order. */
  take(offset: number, envelope: Envelope): Sighting {
    const last = this.#last;
    if (last !== undefined) {
      if (offset === last.offset && !this.#isSure && !isSame(envelope, last.envelope))
        return "of another log";
      // RabbitMQ reads whole chunks, and may begin before the offset that was asked for.
      if (offset === last.offset) this.#isSure = true;
      if (offset <= last.offset) return "seen";
    }
    this.#isSure = true;
    this.#last = { offset, envelope };
    return "new";
  }

  /** It is another log, so everything in it is new. */
  restart(): void {
    this.#last = undefined;
    this.#start = "first";
  }
}

/** Compares two records in full: many programs give their messages neither an id nor a time. */
function isSame(one: Envelope, other: Envelope): boolean {
  return identityOf(one) === identityOf(other) && one.body.equals(other.body);
}

function identityOf({ messageId, appId, timestamp, routingKey, clientId, headers }: Envelope): string {
  return JSON.stringify([messageId, appId, timestamp, routingKey, clientId, headers]);
}
