/** A connection that Bun cannot publish to, since it is not a WebSocket. */
export interface Receiver {
  /** Writes these bytes in one piece, after everything that was written before. */
  receive(bytes: Uint8Array): void;
}

/** Text that was written to some receivers of a crowd and not yet to the others. */
interface Batch {
  readonly text: string;
  readonly bytes: Uint8Array;
  /** How much of it single receivers have already, in UTF-16 units. */
  readonly ahead: ReadonlyMap<Receiver, number>;
  /** The receivers that it is still to be written to. */
  readonly rest: Set<Receiver>;
}

/**
 * The receivers that subscribe to one key, and what is still to be written to them: a batch that is being written to one after another, and
 * the text published since that was begun, which becomes the next batch.
 */
export class Crowd {
  readonly #receivers = new Set<Receiver>();
  #batch: Batch | undefined;
  #text = "";
  /** How much of the text single receivers have already, because they were written to alone or came later. In UTF-16 units. */
  #ahead = new Map<Receiver, number>();
  readonly #kept: (units: number) => void;

  /** @param kept is told how much more is kept until all have it, or how much less; in UTF-16 units */
  constructor(kept: (units: number) => void) {
    this.#kept = kept;
  }

  get size(): number {
    return this.#receivers.size;
  }

  has(receiver: Receiver): boolean {
    return this.#receivers.has(receiver);
  }

  /** Adds a receiver. It gets what is gathered from now on. */
  add(receiver: Receiver): void {
    if (this.#receivers.has(receiver)) return;
    this.#receivers.add(receiver);
    if (this.#text !== "") this.#ahead.set(receiver, this.#text.length);
  }

  remove(receiver: Receiver): void {
    this.#receivers.delete(receiver);
    this.#ahead.delete(receiver);
    this.#batch?.rest.delete(receiver);
  }

  /** Adds text for all current receivers. */
  gather(text: string): void {
    this.#text += text;
    this.#kept(text.length);
  }

  /** Writes to one receiver at once what the others may get later. */
  writeTo(receiver: Receiver): void {
    if (!this.#receivers.has(receiver)) return;
    const batch = this.#batch;
    if (batch?.rest.delete(receiver) === true) writeBatch(batch, receiver);
    const from = this.#ahead.get(receiver) ?? 0;
    if (from >= this.#text.length) return;
    this.#ahead.set(receiver, this.#text.length);
    receiver.receive(Buffer.from(this.#text.slice(from)));
  }

  /**
   * Writes to some of the receivers.
   *
   * @param mayWrite asked before each write, of this many bytes
   * @returns whether everything is written
   */
  write(mayWrite: (bytes: number) => boolean = () => true): boolean {
    for (;;) {
      if (this.#batch === undefined) {
        if (this.#text === "") return true;
        this.#batch = this.#nextBatch();
      }
      const batch = this.#batch;
      for (const receiver of batch.rest) {
        if (!mayWrite(batch.bytes.byteLength)) return false;
        batch.rest.delete(receiver);
        // A write may show that a receiver has gone; it is removed meanwhile.
        writeBatch(batch, receiver);
      }
      // The last one that leaves ends it, too.
      if (this.#batch !== batch) continue;
      this.#batch = undefined;
      this.#kept(-batch.text.length);
    }
  }

  #nextBatch(): Batch {
    const text = this.#text;
    const ahead = this.#ahead;
    this.#text = "";
    this.#ahead = new Map();
    return { text, bytes: Buffer.from(text), ahead, rest: new Set(this.#receivers) };
  }
}

function writeBatch({ text, bytes, ahead }: Batch, receiver: Receiver): void {
  const from = ahead.get(receiver) ?? 0;
  if (from === 0) receiver.receive(bytes);
  else if (from < text.length) receiver.receive(Buffer.from(text.slice(from)));
}
