import type { Metric } from "../../ops/metrics.ts";
import type { ClientSocket } from "../clients/client.ts";
import type { Holds } from "../clients/holds.ts";
import { lists, type Roster } from "../clients/roster.ts";
import { slotMs, type Timed, type TimerWheel } from "../clients/timer-wheel.ts";

/** A client that answered none of this many pings is gone at the next visit, whatever was sent to it meanwhile. */
const pingsUnansweredMax = 2;

/** How often clients show that they are there. */
export interface PresenceOptions {
  /** How often each client is pinged. In milliseconds; a round is never longer, and a little shorter where that cannot be kept exactly. */
  readonly pingIntervalMs: number;
}

/**
 * Who is still there. Bun's own idle timeout would not tell: what is sent to a client that has vanished restarts it
 * (https://github.com/oven-sh/bun/issues/39255).
 */
export class Presence implements Timed {
  readonly #wheel: TimerWheel;
  readonly #holds: Holds;
  readonly #clients: Roster;
  /** Every client is visited once in a round, and the visits are spread over its turns. */
  readonly #turnMs: number;
  readonly #listsATurn: number;
  #next = 0;
  #vanished = 0;

  constructor({ pingIntervalMs }: PresenceOptions, wheel: TimerWheel, holds: Holds, clients: Roster) {
    this.#wheel = wheel;
    this.#holds = holds;
    this.#clients = clients;
    this.#listsATurn = Math.ceil((lists * slotMs) / pingIntervalMs);
    this.#turnMs = (this.#listsATurn * pingIntervalMs) / lists;
  }

  readonly metrics: readonly Metric[] = [
    {
      name: "warren_clients_vanished_total",
      type: "counter",
      help: "Clients that were disconnected because they answered no ping.",
      read: () => this.#vanished,
    },
  ];

  /** A client has joined those who are connected. */
  joined(): void {
    if (this.#clients.size === 1) this.#wheel.add(this, this.#turnMs);
  }

  /** A client has left them. */
  left(): void {
    if (this.#clients.size === 0) this.#wheel.remove(this);
  }

  /** It answered, sent something or took something that had waited for it. */
  heard(socket: ClientSocket): void {
    socket.data.seat.pingsUnanswered = 0;
  }

  due(): number {
    for (let visited = 0; visited < this.#listsATurn; visited++) {
      for (const socket of this.#clients.ofList(this.#next)) this.#visit(socket);
      this.#next = (this.#next + 1) % lists;
    }
    return this.#turnMs;
  }

  #visit(socket: ClientSocket): void {
    const { seat } = socket.data;
    if (this.#holds.has(socket)) {
      // Its answers are not read.
      seat.pingsUnanswered = 0;
    } else if (seat.pingsUnanswered < pingsUnansweredMax) {
      seat.pingsUnanswered++;
      socket.ping();
    } else {
      this.#vanished++;
      seat.endedBy = "vanished";
      socket.terminate();
    }
  }
}
