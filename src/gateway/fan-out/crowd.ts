/** A connection that Bun cannot publish to, since it is no WebSocket. */
export interface Receiver {
  /** Writes this much as one, after all that it was written before. */
  receive(bytes: Uint8Array): void;
}

/** Something that is written to some of a crowd, and to the others not yet. */
interface Batch {
  readonly text: string;
  readonly bytes: Uint8Array;
  /** What single receivers have of it already, in UTF-16 units. */
  readonly ahead: ReadonlyMap<Receiver, number>;
  /** Those that it is still to be written to. */
  readonly rest: Set<Receiver>;
}

/**
 * Those that subscribe to one key, and what they have yet to be written: a batch that is being written to one after the other, and
 * what was published since it was begun, which is the next one.
 */
export class Crowd {
  readonly #receivers = new Set<Receiver>();
  #batch: Batch | undefined;
  #text = "";
  /** What single receivers have of the text, since they were written to alone or came later. In UTF-16 units. */
  #ahead = new Map<Receiver, number>();

  get size(): number {
    return this.#receivers.size;
  }

  has(receiver: Receiver): boolean {
    return this.#receivers.has(receiver);
  }

  /** It gets what is gathered from now on. */
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

  /** It is for all that are there now. @returns how much is gathered, in UTF-16 units */
  gather(text: string): number {
    this.#text += text;
    return this.#text.length;
  }

  /** Writes to one of them what the others may be written later. */
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
   * Writes some of it.
   *
   * @param mayWrite asked before each write
   * @returns whether there is nothing more to write
   */
  write(mayWrite: () => boolean = () => true): boolean {
    for (;;) {
      if (this.#batch === undefined) {
        if (this.#text === "") return true;
        this.#batch = this.#nextBatch();
      }
      const batch = this.#batch;
      for (const receiver of batch.rest) {
        if (!mayWrite()) return false;
        batch.rest.delete(receiver);
        // One that turns out to be gone leaves meanwhile.
        writeBatch(batch, receiver);
      }
      this.#batch = undefined;
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
