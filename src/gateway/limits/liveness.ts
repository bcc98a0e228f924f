import type { Metric } from "../../ops/metrics.ts";
import type { ClientSocket } from "../clients/client.ts";
import type { Holds } from "../clients/holds.ts";
import { lists, type Roster } from "../clients/roster.ts";
import type { Watched } from "../clients/seat.ts";
import { slotMs, type Timed, type TimerWheel } from "../clients/timer-wheel.ts";
import type { SocketBytes } from "./socket-bytes.ts";

/** A client that answered none of this many pings is gone at the next visit, whatever was sent to it meanwhile. */
const pingsUnansweredMax = 2;
/** A client that has taken more than this since a round before it was heard last may have that to read before it comes to the pings. In bytes. */
const unreadMin = 16 * 1024;

/** How often clients show that they are there. */
export interface LivenessOptions {
  /** How often each client is pinged. In milliseconds; a round is never longer, and a little shorter where that cannot be kept exactly. */
  readonly pingIntervalMs: number;
}

/**
 * Finds out which clients are still there. Bun's own idle timeout would not tell: what is sent to a client that has vanished restarts it
 * (https://github.com/oven-sh/bun/issues/39255).
 *
 * A client that may read as slowly as it likes, since all that it subscribes to is read from the log, comes to a ping when it has read what
 * lies before it in its system's buffers: some megabytes, perhaps minutes later. So where Linux tells that its system has taken
 * much and still answers, it is slow and not gone. A system that does not answer is gone, whatever it has taken.
 */
export class Liveness implements Timed {
  readonly #wheel: TimerWheel;
  readonly #holds: Holds;
  readonly #clients: Roster;
  readonly #sockets: Pick<SocketBytes, "taken" | "isAnswered"> | undefined;
  /** Every client is visited once in a round, and the visits are spread over its turns. */
  readonly #turnMs: number;
  readonly #listsATurn: number;
  #next = 0;
  #vanished = 0;

  /** @param sockets what the kernel knows of them; undefined where it does not tell */
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

  /** A client has joined those that are connected. */
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

  /** Whether it may have to read much before it comes to the pings, and its system is there. */
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

/** What waits for the client may go out with the ping, and Bun does not always tell of that. */
function ping(socket: ClientSocket): void {
  const waitedBytes = socket.getBufferedAmount();
  socket.ping();
  if (waitedBytes > 0 && socket.getBufferedAmount() === 0) socket.data.drained();
}
