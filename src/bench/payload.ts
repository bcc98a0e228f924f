/** How many bytes are compared, as two 32-bit words. */
const runIdBytes = 8;

/** What publishers send: the same bytes each time, but for the numbers. */
export interface Outgoing {
  /** The size of each of them. */
  readonly sizeBytes: number;
  /** Writes everything that is the same in every message. `number()` writes the rest. */
  prepare(bytes: Uint8Array, at: number): void;
  /** Writes which publisher's message it is, and which of its messages. */
  number(bytes: Uint8Array, at: number, publisher: number, sequence: number): void;
}

/**
 * What is inside a message: `RUNID PUBLISHER SEQUENCE xxxx…`, the numbers in decimal with leading zeros, so that
 * every field has a fixed place and is read from the bytes where they lie, without making a string.
 * At the most digits that is 24 bytes, which fits the least `--size`, 32.
 */
export class PayloadLayout implements Outgoing {
  readonly sizeBytes: number;
  /** What `read()` found. */
  publisher = 0;
  sequence = 0;
  readonly #runId: Uint8Array;
  readonly #runIdLow: number;
  readonly #runIdHigh: number;
  readonly #publisherAt: number;
  readonly #sequenceAt: number;
  readonly #sequenceEnd: number;

  /** Throws a `RangeError` if a run id has not eight characters or a message not enough bytes. */
  constructor(runId: string, publishers: number, messagesPerPublisher: number, sizeBytes: number) {
    this.sizeBytes = sizeBytes;
    this.#runId = new TextEncoder().encode(runId);
    if (this.#runId.length !== runIdBytes) throw new RangeError(`a run id has ${runIdBytes} characters`);
    this.#runIdLow = wordAt(this.#runId, 0);
    this.#runIdHigh = wordAt(this.#runId, 4);
    this.#publisherAt = runIdBytes + 1;
    this.#sequenceAt = this.#publisherAt + String(publishers - 1).length + 1;
    this.#sequenceEnd = this.#sequenceAt + String(Math.max(0, messagesPerPublisher - 1)).length;
    if (this.#sequenceEnd > sizeBytes) throw new RangeError(`a message needs ${this.#sequenceEnd} bytes`);
  }

  /** How many digits a sequence number has. */
  get sequenceDigits(): number {
    return this.#sequenceEnd - this.#sequenceAt;
  }

  prepare(bytes: Uint8Array, at: number): void {
    bytes.fill(0x78, at, at + this.sizeBytes);
    bytes.set(this.#runId, at);
    bytes[at + this.#publisherAt - 1] = 0x20;
    bytes[at + this.#sequenceAt - 1] = 0x20;
    if (this.#sequenceEnd < this.sizeBytes) bytes[at + this.#sequenceEnd] = 0x20;
  }

  number(bytes: Uint8Array, at: number, publisher: number, sequence: number): void {
    writeDigits(bytes, at + this.#publisherAt, at + this.#sequenceAt - 1, publisher);
    writeDigits(bytes, at + this.#sequenceAt, at + this.#sequenceEnd, sequence);
  }

  /**
   * Reads the message of `sizeBytes` at `at` into `publisher` and `sequence`. False if it is not one of this run's.
   *
   * All in one function and in 32-bit arithmetic, because this halves its cost, and it is run for every delivery. A
   * sequence number is exact in 32 bits without a sign.
   */
  read(bytes: Uint8Array, at: number): boolean {
    if (wordAt(bytes, at) !== this.#runIdLow || wordAt(bytes, at + 4) !== this.#runIdHigh) return false;
    const publisherEnd = at + this.#sequenceAt - 1;
    const sequenceEnd = at + this.#sequenceEnd;
    let publisher = 0;
    for (let i = at + this.#publisherAt; i < publisherEnd; i++) {
      const digit = bytes[i]! - 0x30;
      if (digit < 0 || digit > 9) return false;
      publisher = (Math.imul(publisher, 10) + digit) | 0;
    }
    let sequence = 0;
    for (let i = publisherEnd + 1; i < sequenceEnd; i++) {
      const digit = bytes[i]! - 0x30;
      if (digit < 0 || digit > 9) return false;
      sequence = (Math.imul(sequence, 10) + digit) | 0;
    }
    this.publisher = publisher;
    this.sequence = sequence >>> 0;
    return true;
  }
}

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** Writes a number with leading zeros into `bytes[from, to)`. */
export function writeDigits(bytes: Uint8Array, from: number, to: number, value: number): void {
  let rest = value;
  for (let i = to - 1; i >= from; i--) {
    const tenth = Math.floor(rest / 10);
    bytes[i] = 0x30 + rest - tenth * 10;
    rest = tenth;
  }
}
