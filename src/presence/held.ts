import type { Attendee } from "../events/attendance.ts";
import { Changes } from "./changes.ts";

/** A topic that somebody watches, on any manager, with this manager's members of it. */
export class Held {
  /** Managers whose clients watch it. */
  readonly watchers = new Set<string>();
  /** Clients that subscribe to it, under the name they joined by, and how many of their subscriptions do. */
  readonly clients = new Map<Attendee, { readonly name: string; count: number }>();
  /** Connections, by client id. */
  readonly names = new Map<string, number>();
  readonly changes = new Changes();
  /** Whether all clients were looked at for it, or are being looked at. */
  state: "unknown" | "sought" | "known" = "unknown";

  /** What was found is not to be used: all clients are to be looked at anew. */
  forget(): void {
    this.state = "unknown";
    this.clients.clear();
    this.names.clear();
  }
}
