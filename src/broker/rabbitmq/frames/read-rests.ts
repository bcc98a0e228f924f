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
  /** A rest begins that is so long, in milliseconds: what comes meanwhile is read after it. */
  resting(ms: number): void;
  /** From now on everything is read at once. Called again and again. */
  hurried(): void;
}

/** What has come since the last rest shortens the next one, if it was more than this: the sender should not be slowed down. In bytes. */
const restBytes = 1024 * 1024;
/** The same, in deliveries: RabbitMQ sends no more than some that are not acknowledged. */
const restDeliveries = 100;
/** How long nothing rests after something came that is not to wait. In milliseconds. */
const hurriedForMs = 1000;

/**
 * Leaves a socket alone for a while between two reads, when all that comes over it is what nobody here wants (interrupt moderation, as
 * network cards have it): to be woken up costs a process far more than to read a record (docs/decisions.md).
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

  /** @param channel of a frame that has come, or of a delivery */
  came(channel: number): void {
    if (channel !== this.#unhurried.channel) this.#hurriedAtMs = performance.now();
    else this.#deliveries++;
  }

  /** All that lay there was read, so many bytes: rests, if nothing that comes next is in a hurry. */
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
    this.#timer = setTimeout(() => this.#goOn(), restMs);
  }

  #patienceMs(): number {
    const isHurried = performance.now() - this.#hurriedAtMs < hurriedForMs;
    return isHurried ? 0 : this.#unhurried.patienceMs();
  }

  /** Reads at once what has come meanwhile, and what comes next. */
  wake(): void {
    if (this.#hasEnded) return;
    this.#unhurried.hurried();
    this.#goOn();
  }

  /** The connection ends: what RabbitMQ says last is read. */
  end(): void {
    this.#hasEnded = true;
    this.#goOn();
  }

  #goOn(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#handle.resume();
  }
}
