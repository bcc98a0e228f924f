/** Pauses and resumes reading from a socket. While it is paused the kernel keeps what comes, and slows the sender down when its buffer is full. */
export interface ReadHandle {
  /** Stops reading. */
  pause(): unknown;
  /** Reads again. */
  resume(): unknown;
}

/** A handle for several who pause reading from the same socket, each for himself: it is read while none of them has it paused. */
export class ReadGate implements ReadHandle {
  readonly #handle: ReadHandle;
  #pauses = 0;

  private constructor(handle: ReadHandle) {
    this.#handle = handle;
  }

  /** Undefined if this socket cannot be paused. */
  static of(handle: Partial<ReadHandle> | null | undefined): ReadGate | undefined {
    if (typeof handle?.pause !== "function" || typeof handle.resume !== "function") return undefined;
    return new ReadGate(handle as ReadHandle);
  }

  pause(): void {
    if (this.#pauses++ === 0) this.#handle.pause();
  }

  /** Ends one pause. */
  resume(): void {
    if (--this.#pauses === 0) this.#handle.resume();
  }
}

/** The channel whose deliveries may wait, and how long. */
export interface CoalescingOptions {
  /** The channel's number. */
  readonly channel: number;
  /** How long the next deliveries may lie unread, in milliseconds; 0: read them at once. Asked after each read. */
  patienceMs(): number;
  /** A pause of this many milliseconds begins. What comes meanwhile is read after it. */
  pausing(ms: number): void;
  /** From now on everything is read at once. This may be called repeatedly. */
  hurried(): void;
}

/** If more than this has come since the last pause, the next one is shorter, so as not to slow the sender down. In bytes. */
const pauseBytes = 1024 * 1024;
/** The same in deliveries: RabbitMQ sends only a limited number that are not acknowledged. */
const pauseDeliveries = 100;
/** How long reading does not pause after something came that must not wait. In milliseconds. */
const hurriedForMs = 1000;

/**
 * Pauses a socket between two reads while nothing urgent comes over it, so that one read gets more (interrupt coalescing, as in network
 * cards): waking up costs a process far more than reading a record (docs/decisions.md).
 */
export class ReadCoalescing {
  readonly #handle: ReadHandle;
  readonly #options: CoalescingOptions;
  #hurriedAtMs = performance.now();
  #bytes = 0;
  #deliveries = 0;
  #timer: NodeJS.Timeout | undefined;
  #hasEnded = false;

  constructor(handle: ReadHandle, options: CoalescingOptions) {
    this.#handle = handle;
    this.#options = options;
  }

  /** @param channel the channel of the frame or delivery that has come */
  came(channel: number): void {
    if (channel !== this.#options.channel) this.#hurriedAtMs = performance.now();
    else this.#deliveries++;
  }

  /** Everything available was read, this many bytes. Pauses, unless the next data is urgent. */
  read(bytes: number): void {
    this.#bytes += bytes;
    if (this.#hasEnded || this.#timer !== undefined) return;
    const patienceMs = this.#patienceMs();
    const pauseMs = Math.floor(
      patienceMs * Math.min(1, pauseBytes / this.#bytes, pauseDeliveries / this.#deliveries),
    );
    this.#bytes = 0;
    this.#deliveries = 0;
    if (pauseMs === 0) {
      this.#options.hurried();
      return;
    }
    this.#options.pausing(pauseMs);
    this.#handle.pause();
    this.#timer = setTimeout(() => this.#resume(), pauseMs);
  }

  #patienceMs(): number {
    const isHurried = performance.now() - this.#hurriedAtMs < hurriedForMs;
    return isHurried ? 0 : this.#options.patienceMs();
  }

  /** Reads at once what has come meanwhile, and what comes next. */
  wake(): void {
    if (this.#hasEnded) return;
    this.#options.hurried();
    this.#resume();
  }

  /** The connection ends. RabbitMQ's last words are still read. */
  end(): void {
    this.#hasEnded = true;
    this.#resume();
  }

  #resume(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#handle.resume();
  }
}
