/** What stops and continues to take bytes from a socket. Until it continues, the kernel keeps what comes, and slows the sender down when it has no room. */
export interface ReadHandle {
  /** Takes nothing from now on. */
  pause(): unknown;
  /** Takes what comes again. */
  resume(): unknown;
}

/** The channel whose deliveries may wait. */
export interface Unhurried {
  /** Its number. */
  readonly channel: number;
  /** How long what comes next may lie unread, in milliseconds: 0 to read it at once. Asked after each read. */
  patienceMs(): number;
}

/** What has come since the last rest shortens the next one, if it was more than this: the sender should not be slowed down. In bytes. */
const restBytes = 1024 * 1024;
/** How long nothing rests after something came that is not to wait. In milliseconds. */
const hurriedForMs = 1000;

/**
 * Leaves a socket alone for a while between two reads, when all that comes over it is what nobody here wants (interrupt moderation, as
 * network cards have it): each time that a process is woken up costs it some 50 to 90 µs, however little there is to read.
 */
export class ReadRests {
  readonly #handle: ReadHandle;
  readonly #unhurried: Unhurried;
  #hurriedAtMs = performance.now();
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #hasEnded = false;

  constructor(handle: ReadHandle, unhurried: Unhurried) {
    this.#handle = handle;
    this.#unhurried = unhurried;
  }

  /** @param channel of a frame that has come */
  came(channel: number): void {
    if (channel !== this.#unhurried.channel) this.#hurriedAtMs = performance.now();
  }

  /** All that lay there was read, so many bytes: rests, if nothing that comes next is in a hurry. */
  read(bytes: number): void {
    this.#bytes += bytes;
    if (this.#hasEnded || this.#timer !== undefined || performance.now() - this.#hurriedAtMs < hurriedForMs)
      return;
    const patienceMs = this.#unhurried.patienceMs();
    if (patienceMs <= 0) return;
    const restMs = Math.floor(patienceMs * Math.min(1, restBytes / this.#bytes));
    this.#bytes = 0;
    if (restMs === 0) return;
    this.#handle.pause();
    this.#timer = setTimeout(() => this.wake(), restMs);
  }

  /** Reads at once what has come meanwhile. */
  wake(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#handle.resume();
  }

  /** The connection ends: what RabbitMQ says last is read. */
  end(): void {
    this.#hasEnded = true;
    this.wake();
  }
}
