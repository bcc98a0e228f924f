/** What HTTP and TLS may take before a connection's first WebSocket frame. In bytes. */
const handshakeBytes = 32 * 1024;
/** The most that a frame has around its payload, and a TLS record around that. In bytes. */
const frameBytes = 14;
const recordBytes = 80;
/** A UTF-16 unit of text takes at most this many bytes. */
const bytesPerUnitMax = 3;
/** Smaller messages Bun mostly reads in one piece, and keeps no buffer for them. In bytes. */
const unbufferedBytes = 64 * 1024;

/**
 * Compares what the kernel has received from a client with the WebSocket messages that Bun has delivered. The difference is an incomplete
 * message, of which Bun shows nothing. No other message can come within it. No I/O.
 *
 * The difference is not exact, so two bounds are kept. Text may have more bytes than units, and fragments and TLS add bytes around a
 * message: this makes the upper bound too high and the lower one too low.
 */
export class Inflow {
  readonly #around: number;
  readonly #messageMax: number;
  /**
   * Since the last `visit`: the number of messages, their length, that of the texts among them, and the most bytes that the first one may
   * have had.
   */
  #messages = 0;
  #length = 0;
  #textLength = 0;
  #firstMax = 0;
  #controlBytes = 0;
  /** The length of the longest message so far. */
  #longest = 0;
  #consumed = handshakeBytes;
  #atMost = 0;
  #atLeast = 0;
  /** When the last message was complete, or a little later. In milliseconds. */
  #wholeMs: number;

  /**
   * @param isTls whether the kernel's count is of encrypted bytes
   * @param messageMax how long a message may be before Bun disconnects the client, in bytes
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

  /** The client sent a ping or a pong, which may come within a message. */
  control(data: Uint8Array): void {
    this.#controlBytes += data.length + this.#around;
  }

  /**
   * Counts what has come since the last visit.
   *
   * @param consumed how many bytes this process has read from the socket since it was opened
   * @param isHeld whether the client is not read from, so that it cannot complete its message
   */
  visit(consumed: number, isHeld: boolean, nowMs: number): void {
    const came = consumed - this.#consumed - this.#controlBytes;
    if (this.#messages === 0) {
      this.#atMost += came;
      this.#atLeast += came;
      if (isHeld) this.#wholeMs = nowMs;
    } else {
      const whole = this.#length + this.#messages * this.#around;
      // The first message may have begun before the last visit.
      this.#atMost = came - whole + Math.min(this.#atMost, this.#firstMax);
      this.#atLeast = came - (whole + whole / 8) - (bytesPerUnitMax - 1) * this.#textLength;
      this.#wholeMs = nowMs;
    }
    this.#atMost = Math.max(0, Math.min(this.#atMost, this.#messageMax));
    this.#atLeast = Math.max(0, this.#atLeast);
    this.#consumed = consumed;
    this.#messages = this.#length = this.#textLength = this.#firstMax = this.#controlBytes = 0;
  }

  /** The most that Bun keeps for this client: the incomplete message, in a buffer that is reused for the next one. In bytes. */
  get keptBytes(): number {
    return Math.max(this.#atMost, this.#longest > unbufferedBytes ? this.#longest : 0);
  }

  /** The least that has come of an incomplete message. In bytes. */
  get halfBytes(): number {
    return this.#atLeast;
  }

  /** For how long no message has been complete, in milliseconds; as of the last visit. */
  unfinishedMs(nowMs: number): number {
    return nowMs - this.#wholeMs;
  }
}
