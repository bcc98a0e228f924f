import type { Attendance, Attendee } from "../events/attendance.ts";

/** How long clients are looked at in one turn of the event loop, in milliseconds. */
const sliceMs = 2;
/** Clients that are looked at before the time is. */
const lookEach = 16;

/** A look at all clients that there are when it begins. There may be very many, so it takes several turns of the event loop then, in which they may go. */
export class Look {
  readonly #see: (client: Attendee) => void;
  readonly #onDone: () => void;
  /** Those that it has yet to come to. */
  readonly #ahead = new Set<Attendee>();
  #immediate: NodeJS.Immediate | undefined;
  /** How long it took, in milliseconds, without what happened meanwhile. */
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

  /** Whether it has yet to come to this client, and will see all that it subscribes to by then. */
  isAheadOf(client: Attendee): boolean {
    return this.#ahead.has(client);
  }

  /** The client has gone. */
  leaveOut(client: Attendee): void {
    this.#ahead.delete(client);
  }

  /** Looks at the first ones now, and at the others in the next turns. */
  goOn(): void {
    const beganMs = performance.now();
    let seen = 0;
    for (const client of this.#ahead) {
      this.#ahead.delete(client);
      this.#see(client);
      if (++seen % lookEach > 0 || performance.now() - beganMs < sliceMs) continue;
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
