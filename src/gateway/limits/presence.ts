import type { Metric } from "../../ops/metrics.ts";
import type { ClientSocket } from "../client.ts";
import type { Holds } from "../holds.ts";
import type { Timed, TimerWheel } from "../timer-wheel.ts";

/** Every client is visited once in a round, and the visits are spread over its turns. */
const turnMs = 250;
const turns = 72;
/** A client that answered none of so many pings is gone at the next visit: within a minute, whatever was sent to it meanwhile. */
const pingsUnansweredMax = 2;

/**
 * Who is still there. Bun's own idle timeout would not tell: what is sent to a client that has vanished restarts it
 * (https://github.com/oven-sh/bun/issues/39255).
 */
export class Presence implements Timed {
  readonly #wheel: TimerWheel;
  readonly #holds: Holds;
  /** By turn. A client knows its place, and whoever leaves is replaced by the last: that takes less memory than sets. */
  readonly #visited: readonly ClientSocket[][] = Array.from({ length: turns }, () => []);
  #clients = 0;
  #turn = 0;
  #nextTurn = 0;
  #vanished = 0;

  constructor(wheel: TimerWheel, holds: Holds) {
    this.#wheel = wheel;
    this.#holds = holds;
  }

  readonly metrics: readonly Metric[] = [
    {
      name: "warren_clients_vanished_total",
      type: "counter",
      help: "Clients that were disconnected because they answered no ping.",
      read: () => this.#vanished,
    },
  ];

  watch(socket: ClientSocket): void {
    const { seat } = socket.data;
    const clients = this.#visited[this.#nextTurn]!;
    seat.turn = this.#nextTurn;
    seat.place = clients.push(socket) - 1;
    this.#nextTurn = (this.#nextTurn + 1) % turns;
    if (this.#clients++ === 0) this.#wheel.add(this, turnMs);
  }

  forget({ data: { seat } }: ClientSocket): void {
    if (seat.place < 0) return;
    const clients = this.#visited[seat.turn]!;
    const last = clients.pop()!;
    if (last.data.seat !== seat) {
      clients[seat.place] = last;
      last.data.seat.place = seat.place;
    }
    seat.place = -1;
    if (--this.#clients === 0) this.#wheel.remove(this);
  }

  /** It answered, sent something or took something that had waited for it. */
  heard(socket: ClientSocket): void {
    socket.data.seat.pingsUnanswered = 0;
  }

  due(): number {
    // From the end, since whoever is disconnected is replaced by the last.
    const clients = this.#visited[this.#turn]!;
    for (let place = clients.length - 1; place >= 0; place--) this.#visit(clients[place]!);
    this.#turn = (this.#turn + 1) % turns;
    return turnMs;
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
      socket.terminate();
    }
  }
}
