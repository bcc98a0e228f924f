import type { Attendance, Attendee } from "../events/attendance.ts";

/** How long clients are scanned in one turn of the event loop, in milliseconds. */
const sliceMs = 2;
/** After how many clients the clock is read, which takes longer than to scan one. */
const clockEach = 16;

/** A scan of all clients that exist when it begins. If there are many, it takes several turns of the event loop, in which clients may leave. */
export class ClientScan {
  readonly #see: (client: Attendee) => void;
  readonly #onDone: () => void;
  /** The clients that are not scanned yet. */
  readonly #ahead = new Set<Attendee>();
  #immediate: NodeJS.Immediate | undefined;
  /** How long it took in milliseconds, without the other work between its turns. */
  tookMs = 0;

  /**
   * @param see called with each of them
   * @param onDone called after the last one
   */
  constructor(attendance: Attendance, see: (client: Attendee) => void, onDone: () => void) {
    this.#see = see;
    this.#onDone = onDone;
    attendance.forEach((client) => void this.#ahead.add(client));
  }

  /** Whether this client is not scanned yet. All that it subscribes to until then will be seen. */
  isAheadOf(client: Attendee): boolean {
    return this.#ahead.has(client);
  }

  /** The client has disconnected. */
  leaveOut(client: Attendee): void {
    this.#ahead.delete(client);
  }

  /** Scans the first clients now, and the others in the next turns of the event loop. */
  goOn(): void {
    const beganMs = performance.now();
    let seen = 0;
    for (const client of this.#ahead) {
      this.#ahead.delete(client);
      this.#see(client);
      if (++seen % clockEach > 0 || performance.now() - beganMs < sliceMs) continue;
      this.tookMs += performance.now() - beganMs;
      this.#immediate = setImmediate(() => this.goOn());
      return;
    }
    this.tookMs += performance.now() - beganMs;
    this.#onDone();
  }

  stop(): void {
    clearImmediate(this.#immediate);
  }
}
