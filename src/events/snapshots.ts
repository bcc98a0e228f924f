import { eventKeys } from "../broker/events.ts";
import type { Attendance } from "./attendance.ts";
import type { Entry, Snapshot } from "./event.ts";
import type { Outgoing } from "./outgoing.ts";
import { connectionOf, type PendingEvent } from "./pending-event.ts";
import type { EventsTiming } from "./timing.ts";

type SnapshotTiming = Pick<EventsTiming, "snapshotMs" | "doubtMs">;

/** How many clients one record has. */
export const entriesMax = 500;

/** Writes snapshots of the connected clients, so that readers of the log need not begin earlier. */
export class Snapshots {
  readonly #manager: string;
  readonly #attendance: Attendance;
  readonly #outgoing: Outgoing;
  readonly #pending: () => readonly PendingEvent[];
  readonly #timing: SnapshotTiming;
  #at = 0;
  #takenMs = performance.now();
  #isDoubtful = false;

  /** @param pending the events that still wait */
  constructor(
    manager: string,
    attendance: Attendance,
    outgoing: Outgoing,
    pending: () => readonly PendingEvent[],
    timing: SnapshotTiming,
  ) {
    this.#timing = timing;
    this.#manager = manager;
    this.#attendance = attendance;
    this.#outgoing = outgoing;
    this.#pending = pending;
  }

  /** When the last one was confirmed, in milliseconds since 1970; 0: there is none. */
  get at(): number {
    return this.#at;
  }

  /** The log may lack something. The next snapshot corrects that, and is due sooner. */
  doubt(): void {
    this.#isDoubtful = true;
  }

  /** Whether it is time for another one. */
  get isDue(): boolean {
    const { snapshotMs, doubtMs } = this.#timing;
    return performance.now() - this.#takenMs > (this.#isDoubtful ? doubtMs : snapshotMs);
  }

  /** Takes a snapshot of the clients whose connect is in the log, and whose disconnect is not. */
  take(): void {
    const { link } = this.#outgoing;
    const entries = this.#entries();
    this.#takenMs = performance.now();
    this.#isDoubtful = false;
    const at = Date.now();
    const parts = Math.max(1, Math.ceil(entries.length / entriesMax));
    for (let part = 0; part < parts; part++) {
      const some = entries.slice(part * entriesMax, (part + 1) * entriesMax);
      const snapshot: Snapshot = { manager: this.#manager, at, part, parts, entries: some };
      this.#outgoing.publish(eventKeys.snapshot, JSON.stringify(snapshot));
    }
    this.#outgoing.whenConfirmed(() => {
      if (this.#outgoing.link === link) this.#at = at;
    });
  }

  #entries(): readonly Entry[] {
    const untold = new Set<number>();
    const entries: Entry[] = [];
    const add = (number: number, id: string | undefined) => {
      const connection = connectionOf(this.#manager, number);
      entries.push([connection, id ?? connection]);
    };
    for (const { event, number, id } of this.#pending())
      if (event === "connected") untold.add(number);
      else if (event === "disconnected" && !untold.has(number)) add(number, id);
    this.#attendance.forEach(({ id, seat }) => {
      if (seat.connection > 0 && !untold.has(seat.connection)) add(seat.connection, id);
    });
    return entries;
  }
}
