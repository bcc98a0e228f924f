/** Pauses and resumes reading from a socket. While it is paused the kernel keeps what comes, and slows the sender down when its buffer is full. */
export interface ReadHandle {
  /** Stops reading. */
  pause(): unknown;
  /** Reads again. */
  resume(): unknown;
}

/** The channel whose deliveries may wait, and how long. */
export interface Unhurried {
  /** The channel's number. */
  readonly channel: number;
  /** How long the next deliveries may lie unread, in milliseconds; 0: read them at once. Asked after each read. */
  patienceMs(): number;
  /** A rest of this many milliseconds begins. What comes meanwhile is read after it. */
  resting(ms: number): void;
  /** From now on everything is read at once. This may be called repeatedly. */
  hurried(): void;
}

/** If more than this has come since the last rest, the next one is shorter, so as not to slow the sender down. In bytes. */
const restBytes = 1024 * 1024;
/** The same in deliveries: RabbitMQ sends only a limited number that are not acknowledged. */
const restDeliveries = 100;
/** How long there is no rest after something came that must not wait. In milliseconds. */
const hurriedForMs = 1000;

/**
 * Pauses a socket between two reads, when everything that comes over it is unwanted here (interrupt moderation, as in network cards):
 * waking up costs a process far more than reading a record (docs/decisions.md).
 */
export class ReadRests {
  readonly #handle: ReadHandle;
  readonly #unhurried: Unhurried;
  #hurriedAtMs = performance.now();
  #bytes = 0;
  #deliveries = 0;
  #timer: NodeJS.Timeout | undefined;
  #hasEnded = false;

  constructor(handle: ReadHandle, unhurried: Unhurried) {
    this.#handle = handle;
    this.#unhurried = unhurried;
  }

  /** @param channel the channel of the frame or delivery that has come */
  came(channel: number): void {
    if (channel !== this.#unhurried.channel) this.#hurriedAtMs = performance.now();
    else this.#deliveries++;
  }

  /** Everything available was read, this many bytes. Pauses, unless the next data is urgent. */
  read(bytes: number): void {
    this.#bytes += bytes;
    if (this.#hasEnded || this.#timer !== undefined) return;
    const patienceMs = this.#patienceMs();
    const restMs = Math.floor(
      patienceMs * Math.min(1, restBytes / this.#bytes, restDeliveries / this.#deliveries),
    );
    this.#bytes = 0;
    this.#deliveries = 0;
    if (restMs === 0) {
      this.#unhurried.hurried();
      return;
    }
    this.#unhurried.resting(restMs);
    this.#handle.pause();
    this.#timer = setTimeout(() => this.#resume(), restMs);
  }

  #patienceMs(): number {
    const isHurried = performance.now() - this.#hurriedAtMs < hurriedForMs;
    return isHurried ? 0 : this.#unhurried.patienceMs();
  }

  /** Reads at once what has come meanwhile, and what comes next. */
  wake(): void {
    if (this.#hasEnded) return;
    this.#unhurried.hurried();
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
