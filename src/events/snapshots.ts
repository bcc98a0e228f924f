import { eventKeys } from "../broker/events.ts";
import type { Attendance, Attendee } from "./attendance.ts";
import type { Entry, Snapshot } from "./event.ts";
import type { Outgoing } from "./outgoing.ts";
import type { Untold } from "./untold.ts";

/** Clients in one record of the log. */
export const entriesMax = 500;

/** Writes down who is connected to a manager, so that a reader of the log need not begin before. */
export class Snapshots {
  readonly #manager: string;
  readonly #attendance: Attendance;
  readonly #outgoing: Outgoing;
  readonly #pending: () => readonly Untold[];
  #at = 0;

  /** @param pending the events that wait to be told */
  constructor(manager: string, attendance: Attendance, outgoing: Outgoing, pending: () => readonly Untold[]) {
    this.#manager = manager;
    this.#attendance = attendance;
    this.#outgoing = outgoing;
    this.#pending = pending;
  }

  /** When the last one was confirmed, in milliseconds since 1970; 0: there is none. */
  get at(): number {
    return this.#at;
  }

  /** Of those whose `connected` is in the log, and whose end is not. */
  take(): void {
    const { link } = this.#outgoing;
    const entries = this.#entries();
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
    for (const { event, number, connection, client } of this.#pending())
      if (event === "connected") untold.add(number);
      else if (event === "disconnected" && !untold.has(number)) entries.push([connection, client]);
    this.#attendance.forEach((client) => {
      const { connection } = client.seat;
      if (connection === 0 || untold.has(connection)) return;
      const name = nameOf(this.#manager, client);
      entries.push([name, client.id ?? name]);
    });
    return entries;
  }
}

/** What a client's connection is called. */
export function nameOf(manager: string, { seat }: Attendee): string {
  return `${manager}-${seat.connection}`;
}
