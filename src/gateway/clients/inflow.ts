/** What HTTP and TLS may take before a connection's first WebSocket frame. In bytes. */
const handshakeBytes = 32 * 1024;
/** What a frame has around its payload, and a TLS record around that. In bytes, at most. */
const frameBytes = 14;
const recordBytes = 80;
/** Characters of a text have up to this many bytes each. */
const bytesPerUnitMax = 3;
/** Bun reads smaller messages mostly in one piece, and keeps no buffer for them. In bytes. */
const unbufferedBytes = 64 * 1024;

/**
 * What came from one client by the kernel's count, against the WebSocket messages that Bun has shown: the difference is a message whose
 * end has not come, which Bun shows nothing of. No other message can come within it. No I/O.
 *
 * A message is only counted as it comes, so two bounds are kept: what texts may have more bytes than characters, and what fragments
 * and TLS take around a message, makes the first too high and the second too low.
 */
export class Inflow {
  readonly #around: number;
  readonly #messageMax: number;
  /** Messages since the last `visit`, their length, that of the texts among them, and the most bytes that the first of them can have had. */
  #messages = 0;
  #length = 0;
  #textLength = 0;
  #firstMax = 0;
  #controlBytes = 0;
  /** The longest message of all. */
  #longest = 0;
  #consumed = handshakeBytes;
  #atMost = 0;
  #atLeast = 0;
  /** When the last message was whole, or a little later. In milliseconds. */
  #wholeMs: number;

  /**
   * @param isTls whether what the kernel counts is encrypted
   * @param messageMax what Bun takes of a message before it disconnects the client, in bytes
   */
  constructor(isTls: boolean, messageMax: number, nowMs: number) {
    this.#around = frameBytes + (isTls ? recordBytes : 0);
    this.#messageMax = messageMax;
    this.#wholeMs = nowMs;
  }

  message(body: string | Uint8Array): void {
    const { length } = body;
    const isText = typeof body === "string";
    if (this.#messages++ === 0) this.#firstMax = isText ? bytesPerUnitMax * length : length;
    this.#length += length;
    if (isText) this.#textLength += length;
    if (length > this.#longest) this.#longest = length;
  }

  /** It sent a ping or a pong, which may come within a message. */
  control(data: Uint8Array): void {
    this.#controlBytes += data.length + this.#around;
  }

  /**
   * Counts what has come since the last time.
   *
   * @param consumed what this process has read from the socket since it was opened, in bytes
   * @param isHeld nothing is read from the client, so that it cannot end what it has begun
   */
  visit(consumed: number, isHeld: boolean, nowMs: number): void {
    const came = consumed - this.#consumed - this.#controlBytes;
    if (this.#messages === 0) {
      this.#atMost += came;
      this.#atLeast += came;
      if (isHeld) this.#wholeMs = nowMs;
    } else {
      const whole = this.#length + this.#messages * this.#around;
      // The first of them may have begun before the last visit.
      this.#atMost = came - whole + Math.min(this.#atMost, this.#firstMax);
      this.#atLeast = came - (whole + whole / 8) - (bytesPerUnitMax - 1) * this.#textLength;
      this.#wholeMs = nowMs;
    }
    this.#atMost = Math.max(0, Math.min(this.#atMost, this.#messageMax));
    this.#atLeast = Math.max(0, this.#atLeast);
    this.#consumed = consumed;
    this.#messages = this.#length = this.#textLength = this.#firstMax = this.#controlBytes = 0;
  }

  /** What Bun keeps for this client at most: the message that is not whole, in a buffer that it keeps for the next one. In bytes. */
  get keptBytes(): number {
    return Math.max(this.#atMost, this.#longest > unbufferedBytes ? this.#longest : 0);
  }

  /** What has come of a message that is not whole, at least. In bytes. */
  get halfBytes(): number {
    return this.#atLeast;
  }

  /** How long no message has been whole, in milliseconds; as of the last visit. */
  unfinishedMs(nowMs: number): number {
    return nowMs - this.#wholeMs;
  }
}
