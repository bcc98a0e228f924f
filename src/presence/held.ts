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
  /** Whether all clients were scanned for it; `sought`: they are being scanned. */
  state: "unknown" | "sought" | "known" = "unknown";

  /** Forgets its members, so that the next scan searches for them again. */
  forget(): void {
    this.state = "unknown";
    this.clients.clear();
    this.names.clear();
  }
}
