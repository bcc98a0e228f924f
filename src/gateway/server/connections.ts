import { MultiMap } from "../../collections/multi-map.ts";
import type { Announcements } from "../clients/announcements.ts";
import type { Backpressure } from "../clients/backpressure.ts";
import type { ClientSocket } from "../clients/client.ts";
import type { Holds } from "../clients/holds.ts";
import type { Removals } from "../clients/removals.ts";
import type { Roster } from "../clients/roster.ts";
import type { SocketEvents } from "../clients/socket-events.ts";
import type { Tidying } from "../clients/tidying.ts";
import type { Traffic } from "../clients/traffic.ts";
import type { Turns } from "../clients/turns.ts";
import type { Visits } from "../clients/visits.ts";
import type { Backlogs } from "../limits/backlogs.ts";
import type { Limits } from "../limits/limits.ts";

/** The parts that hear what happens on connections. */
export interface Attendants {
  /** All connected clients. */
  readonly clients: Roster;
  readonly holds: Holds;
  readonly turns: Turns;
  readonly backpressure: Backpressure;
  readonly backlogs: Backlogs;
  readonly limits: Limits;
  readonly traffic: Traffic;
  readonly visits: Visits;
  readonly tidying: Tidying;
  readonly announcements: Announcements;
  readonly removals: Removals;
}

/** The life of connections, from open to close: calls the parts in order for each socket event. */
export class Connections implements SocketEvents {
  readonly #directory = new MultiMap<ClientSocket>();
  readonly #attendants: Attendants;

  constructor(attendants: Attendants) {
    this.#attendants = attendants;
  }

  /** The connections of the client with this id. */
  of(clientId: string): Iterable<ClientSocket> {
    return this.#directory.find(clientId);
  }

  has(clientId: string): boolean {
    return this.#directory.has(clientId);
  }

  /**
   * Closes the connections of a client soon, by the id that others know it by. Returns how many there were.
   *
   * @param issuedBeforeMs only those whose tokens were issued before this time, in milliseconds since 1970
   */
  remove(clientId: string, issuedBeforeMs = Number.POSITIVE_INFINITY): number {
    const { clients, removals, announcements } = this.#attendants;
    let count = 0;
    const remove = (socket: ClientSocket) => {
      count++;
      removals.add(socket);
    };
    for (const socket of this.of(clientId))
      if (socket.data.seat.tokenIssuedAtMs < issuedBeforeMs) remove(socket);
    // Clients with tokens have ids. To compare the names of all others would take milliseconds, so their numbers are compared.
    const number = announcements.connectionIn(clientId);
    if (number !== undefined && issuedBeforeMs === Number.POSITIVE_INFINITY)
      clients.forEach((socket) => {
        const { id, seat } = socket.data;
        if (id === undefined && seat.connection === number) remove(socket);
      });
    return count;
  }

  opened(socket: ClientSocket): void {
    const { clients, visits, limits, tidying } = this.#attendants;
    socket.data.opened(socket);
    clients.add(socket);
    visits.opened(socket);
    limits.opened();
    tidying.joined();
    this.identified(socket);
  }

  /** The client has its id. From now on it gets what is addressed to it, unless it has gone already. */
  identified(socket: ClientSocket): void {
    if (socket.data.id === undefined || !this.#attendants.clients.has(socket)) return;
    this.#directory.add(socket.data.id, socket);
    this.#attendants.limits.identified(socket.data.seat);
  }

  message(socket: ClientSocket, body: string | Buffer): void {
    const { traffic, backpressure, limits } = this.#attendants;
    traffic.receivedBytes += body.length;
    limits.read(socket, body);
    if (socket.data.seat.isClosing || backpressure.refuses(socket) || limits.refuses(socket)) return;
    limits.heard(socket);
    socket.data.message(socket, body);
  }

  drained(socket: ClientSocket): void {
    this.#attendants.limits.heard(socket);
    socket.data.drained();
  }

  ponged(socket: ClientSocket, data: Buffer): void {
    this.#attendants.limits.ponged(socket, data);
    this.#pauseIfOverTime(socket);
  }

  pinged(socket: ClientSocket, data: Buffer): void {
    const { backlogs, limits } = this.#attendants;
    backlogs.sent(data.length);
    limits.pinged(socket, data);
    this.#pauseIfOverTime(socket);
  }

  closed(socket: ClientSocket, code: number): void {
    const { visits, clients, announcements, backlogs, turns, removals } = this.#attendants;
    removals.forget(socket);
    visits.closed(socket, code);
    clients.delete(socket);
    announcements.disconnected(socket.data, `${code}`);
    if (socket.data.id !== undefined) this.#directory.remove(socket.data.id, socket);
    socket.data.closed();
    backlogs.forget(socket);
    if (!turns.left(socket)) this.left(socket);
  }

  /** The client has gone, and no input of it waits any more. */
  left(socket: ClientSocket): void {
    const { holds, limits } = this.#attendants;
    socket.data.left();
    holds.forget(socket);
    limits.closed(socket);
  }

  /** Bun goes on reading as long as data comes, unless the client is paused, so it is paused when its time in this turn is over. */
  #pauseIfOverTime(socket: ClientSocket): void {
    const { turns } = this.#attendants;
    if (!turns.mayContinue(socket)) turns.wait(socket);
  }
}
