import type { Metric } from "../../ops/metrics.ts";
import type { ClientSocket } from "../clients/client.ts";
import type { Holds } from "../clients/holds.ts";
import { lists, type Roster } from "../clients/roster.ts";
import type { Watched } from "../clients/seat.ts";
import { slotMs, type Timed, type TimerWheel } from "../clients/timer-wheel.ts";
import type { SocketBytes } from "./socket-bytes.ts";

/** A client that has answered none of this many pings is gone at the next visit, whatever was sent to it meanwhile. */
const pingsUnansweredMax = 2;
/**
 * A client whose system has taken more than this since a round before it was last heard may have to read that before it gets to the pings.
 * In bytes.
 */
const unreadMin = 16 * 1024;

/** How often clients have to show that they are there. */
export interface LivenessOptions {
  /** The time between two pings to a client. In milliseconds. A round is never longer, and may be a little shorter. */
  readonly pingIntervalMs: number;
}

/**
 * Finds out which clients are still there. Bun's own idle timeout cannot tell: sending to a client that has vanished restarts it
 * (https://github.com/oven-sh/bun/issues/39255).
 *
 * A patient client (`Client.isPatient`) gets to a ping only when it has read what lies before it in its system's buffers: some megabytes,
 * perhaps minutes later. So if Linux tells that the client's system has taken much and still answers, the client is slow and not gone. If
 * its system does not answer it is gone, whatever that has taken.
 */
export class Liveness implements Timed {
  readonly #wheel: TimerWheel;
  readonly #holds: Holds;
  readonly #clients: Roster;
  readonly #sockets: Pick<SocketBytes, "taken" | "isAnswered"> | undefined;
  /** The time between two turns. In each turn some clients are visited, and in a round of turns all are. */
  readonly #turnMs: number;
  readonly #listsATurn: number;
  #next = 0;
  #vanished = 0;

  /** @param sockets the kernel's counts; undefined if they are not available */
  constructor(
    { pingIntervalMs }: LivenessOptions,
    wheel: TimerWheel,
    holds: Holds,
    clients: Roster,
    sockets?: Pick<SocketBytes, "taken" | "isAnswered">,
  ) {
    this.#sockets = sockets;
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

  /** A client has connected. */
  joined(): void {
    if (this.#clients.size === 1) this.#wheel.add(this, this.#turnMs);
  }

  /** A client has gone. */
  left(): void {
    if (this.#clients.size === 0) this.#wheel.remove(this);
  }

  /** The client answered, sent something, or read something that had waited for it. */
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
      // Its answers are not read meanwhile.
      seat.pingsUnanswered = 0;
    } else if (seat.pingsUnanswered < pingsUnansweredMax) {
      if (seat.pingsUnanswered === 0) this.#wasHeard(socket);
      seat.pingsUnanswered++;
      ping(socket);
    } else if (!this.#isSlow(socket)) {
      this.#vanished++;
      seat.endedBy = "vanished";
      socket.terminate();
    }
  }

  #wasHeard({ data: { seat } }: ClientSocket): void {
    const { watched } = seat;
    const taken = this.#takenBy(watched);
    if (watched === undefined || taken === undefined) return;
    watched.takenBefore = Math.min(watched.taken, taken);
    watched.taken = taken;
  }

  /** Whether it may have much to read before it gets to the pings, and its system still answers. */
  #isSlow({ data }: ClientSocket): boolean {
    const { watched } = data.seat;
    const taken = this.#takenBy(watched);
    if (watched === undefined || taken === undefined || !data.isPatient) return false;
    return taken - watched.takenBefore >= unreadMin && this.#sockets!.isAnswered(watched.fd);
  }

  #takenBy(watched: Watched | undefined): number | undefined {
    return watched === undefined || watched.fd < 0 ? undefined : this.#sockets?.taken(watched.fd);
  }
}

/** Pings a client. This may also flush what waits for it, and Bun does not always tell so. */
function ping(socket: ClientSocket): void {
  const waitedBytes = socket.getBufferedAmount();
  socket.ping();
  if (waitedBytes > 0 && socket.getBufferedAmount() === 0) socket.data.drained();
}
