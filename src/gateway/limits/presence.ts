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
  readonly #visited: readonly Set<ClientSocket>[] = Array.from({ length: turns }, () => new Set());
  #clients = 0;
  #turn = 0;
  #nextPlace = 0;
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
    socket.data.seat.turn = this.#nextPlace;
    this.#visited[this.#nextPlace]!.add(socket);
    this.#nextPlace = (this.#nextPlace + 1) % turns;
    if (this.#clients++ === 0) this.#wheel.add(this, turnMs);
  }

  forget(socket: ClientSocket): void {
    if (!this.#visited[socket.data.seat.turn]!.delete(socket)) return;
    if (--this.#clients === 0) this.#wheel.remove(this);
  }

  /** It answered, sent something or took something that had waited for it. */
  heard(socket: ClientSocket): void {
    socket.data.seat.pingsUnanswered = 0;
  }

  due(): number {
    for (const socket of this.#visited[this.#turn]!) this.#visit(socket);
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
