import type { Envelope } from "../broker/broker.ts";
import type { Message } from "../message.ts";

/** Opens an envelope; gives none where it cannot be read. It is called once for each record at most. */
export type Opener = (record: LogRecord, envelope: Envelope) => readonly Message[];

/** Memory that a record takes besides its body, in bytes: objects, and what strings and buffers have around them. */
const overheadBytes = 768;

/** One record of the shared log. What is in it is only decoded if somebody wants to know. */
export class LogRecord {
  readonly offset: number;
  readonly exchange: string;
  /** Seconds since 1970; absent where whoever published it named none. */
  readonly timestamp: number | undefined;
  /** What it takes in memory, in bytes: a bound, since it may be held encoded or decoded. */
  readonly costBytes: number;
  readonly #opener: Opener;
  #content: Envelope | readonly Message[];

  constructor(offset: number, exchange: string, envelope: Envelope, opener: Opener) {
    this.offset = offset;
    this.exchange = exchange;
    this.timestamp = envelope.timestamp;
    this.#content = envelope;
    this.#opener = opener;
    this.costBytes = overheadBytes + 4 * envelope.body.byteLength;
  }

  get messages(): readonly Message[] {
    if (!("body" in this.#content)) return this.#content;
    // Held decoded from now on: the encoded form is let go.
    this.#content = this.#opener(this, this.#content);
    return this.#content;
  }
}
