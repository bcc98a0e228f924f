/** What a copy takes on the wire besides its body, roughly, in bytes. */
const overheadBytes = 200;

/** How a copy is handled if it is not just published. */
const asking = 1;
const withheld = 2;

/** The part of an envelope that its size depends on. */
interface Sized {
  /** The body that AMQP carries. */
  readonly body: Buffer;
}

/**
 * What is published besides an envelope for Warren's own roles: a plain copy of each of its messages, for all other programs. It notes
 * which of these parts the broker has already taken, so that only the others are published again if necessary; over another link, the
 * envelope too.
 *
 * The copies are the first parts, in order, and the envelope itself is the last one. If the broker closes the channel over a copy, nobody
 * has got the message.
 */
export class PlainCopies<Copy extends Sized> {
  readonly envelopes: readonly Copy[];
  /** What they take on the wire, roughly, in bytes. */
  readonly bytes: number;
  /** 1 for each part that the broker has taken. Absent: none. */
  #taken: Uint8Array | undefined;
  #takenCount = 0;
  /** How the current link handles each copy. Absent: it publishes all. */
  #plan: Uint8Array | undefined;
  #withheldCount = 0;
  /** The link that publishes it, or was the last to. */
  #link: object | undefined;

  constructor(envelopes: readonly Copy[]) {
    this.envelopes = envelopes;
    let bytes = 0;
    for (const { body } of envelopes) bytes += body.byteLength + overheadBytes;
    this.bytes = bytes;
  }

  get length(): number {
    return this.envelopes.length;
  }

  /** How many parts are to be published now. */
  get due(): number {
    return this.envelopes.length + 1 - this.#takenCount - this.#withheldCount;
  }

  get withheldCount(): number {
    return this.#withheldCount;
  }

  isTaken(part: number): boolean {
    return this.#taken !== undefined && this.#taken[part] === 1;
  }

  get isEnvelopeTaken(): boolean {
    return this.isTaken(this.envelopes.length);
  }

  /**
   * This link publishes it from now on. The queues of Warren's own roles, and what was in them, may have gone since another link published
   * the envelope, and nobody would notice. So it is published again.
   */
  goOver(link: object): void {
    if (this.#link === link) return;
    this.#link = link;
    if (!this.isEnvelopeTaken) return;
    this.#taken![this.envelopes.length] = 0;
    this.#takenCount--;
  }

  /** The broker has taken this part. */
  take(part: number): void {
    this.#taken ??= new Uint8Array(this.envelopes.length + 1);
    if (this.#taken[part] === 1) return;
    this.#taken[part] = 1;
    this.#takenCount++;
  }

  /** The parts to be published, in order; undefined if these are all. */
  dueParts(): number[] | undefined {
    if (this.#takenCount === 0 && this.#withheldCount === 0) return undefined;
    const due: number[] = [];
    for (let part = 0; part <= this.envelopes.length; part++)
      if (!this.isTaken(part) && !this.isWithheld(part)) due.push(part);
    return due;
  }

  /** Whether the broker should return this copy if it reaches nobody. */
  isAsking(part: number): boolean {
    return this.#plan !== undefined && this.#plan[part] === asking;
  }

  /** Whether this copy is published only if another one turns out to be wanted. */
  isWithheld(part: number): boolean {
    return this.#plan !== undefined && this.#plan[part] === withheld;
  }

  ask(part: number): void {
    this.#plan ??= new Uint8Array(this.envelopes.length);
    this.#plan[part] = asking;
  }

  /** Withholds this copy, which must be due. */
  withhold(part: number): void {
    this.#plan ??= new Uint8Array(this.envelopes.length);
    this.#plan[part] = withheld;
    this.#withheldCount++;
  }

  /** Makes withheld copies due again. Returns which. */
  unplan(): number[] {
    const parts: number[] = [];
    if (this.#withheldCount > 0)
      for (let part = 0; part < this.envelopes.length; part++) if (this.isWithheld(part)) parts.push(part);
    this.#plan = undefined;
    this.#withheldCount = 0;
    return parts;
  }
}
