import type { Server } from "bun";
import { closeCodes } from "../../wire/close-codes.ts";
import type { Client, ClientSocket } from "../clients/client.ts";
import type { Holds } from "../clients/holds.ts";
import { Inflow } from "../clients/inflow.ts";
import { lists, type Roster } from "../clients/roster.ts";
import type { Seat, Watched } from "../clients/seat.ts";
import { slotMs, type Timed, type TimerWheel } from "../clients/timer-wheel.ts";
import { peerOf } from "../guards/address.ts";
import type { SocketBytes } from "./socket-bytes.ts";
import type { Unsent } from "./unsent.ts";

/** The longest and the shortest time of a round. In milliseconds. */
const roundMostMs = 9000;
const roundLeastMs = 1000;
/** How many file descriptors are asked for their peer in one turn of the event loop. */
const askedATurn = 2000;
/** How far beyond the highest known file descriptor others are searched: Linux gives out the lowest free one. */
const beyondMax = 4000;
/** The same for clients that have just come, besides one for each that is sought. */
const nearbyMax = 64;
/** A client is not disconnected for an incomplete message that is smaller than this. In bytes. */
const toleratedBytes = 64 * 1024;

/** How much of a message may be incomplete, and for how long. */
export interface HalfSentOptions {
  /** How long a message may take to be whole, in milliseconds. */
  readonly messageTimeoutMs: number;
  /** How long a message may be for Bun. In bytes. */
  readonly messageMaxBytes: number;
}

/**
 * Watches WebSocket messages of which only a part has come. Bun does not report them, so the kernel's counts of every client's socket are
 * read once in a round (`Inflow`). Incomplete messages count as kept for the client (`Backlogs`), and a client that does not complete its
 * message in time is disconnected. This works on Linux. Elsewhere only what Bun keeps of complete messages is counted.
 */
export class HalfSent implements Timed {
  readonly #options: HalfSentOptions;
  readonly #wheel: TimerWheel;
  readonly #holds: Holds;
  readonly #clients: Roster;
  readonly #sockets: SocketBytes | undefined;
  readonly #unsent: Unsent;
  readonly #grown: (bytes: number) => void;
  readonly #roundMs: number;
  readonly #listsATurn: number;
  #next = 0;
  /** Sockets whose file descriptors are not known yet. */
  readonly #sought = new Map<string, Watched>();
  /** The sockets, by file descriptor. */
  readonly #found: (Watched | undefined)[] = [];
  #asking = 0;
  /** How far beyond the highest known one this search goes. */
  #beyond = beyondMax;
  /** When unknown ones may be searched far again, after all file descriptors were asked. */
  #askAgainMs = 0;
  /** Whether a client has come since a search began. */
  #hasNewcomers = false;

  /**
   * @param unsent is told when a file descriptor is found
   * @param grown is told how much more is kept for a client, in bytes
   */
  constructor(
    options: HalfSentOptions,
    wheel: TimerWheel,
    holds: Holds,
    clients: Roster,
    sockets: SocketBytes | undefined,
    unsent: Unsent,
    grown: (bytes: number) => void,
  ) {
    this.#options = options;
    this.#wheel = wheel;
    this.#holds = holds;
    this.#clients = clients;
    this.#sockets = sockets;
    this.#unsent = unsent;
    this.#grown = grown;
    this.#roundMs = Math.max(roundLeastMs, Math.min(roundMostMs, options.messageTimeoutMs / 4));
    this.#listsATurn = Math.ceil((lists * slotMs) / this.#roundMs);
  }

  /** Starts to count what this client sends. */
  expect(
    seat: Seat,
    request: Request,
    server: Pick<Server<Client>, "requestIP" | "protocol" | "port">,
  ): void {
    const address = server.requestIP(request);
    const isTls = server.protocol === "https";
    const watched: Watched = {
      inflow: new Inflow(isTls, this.#options.messageMaxBytes, this.#wheel.nowMs),
      peer: address === null ? "" : peerOf(address.address, address.port, server.port ?? 0),
      fd: -1,
      received: 0,
      unread: 0,
      isPatient: false,
      isToEnd: false,
      taken: 0,
      takenBefore: 0,
    };
    seat.watched = watched;
    if (this.#sockets === undefined || address === null) return;
    this.#sought.set(watched.peer, watched);
    this.#hasNewcomers = true;
  }

  /** A client has joined those that are connected. */
  joined(): void {
    if (this.#clients.size === 1) this.#wheel.add(this, slotMs);
  }

  /** The client has left this seat. From now on the file descriptor may belong to another client. */
  left({ watched }: Seat): void {
    if (watched === undefined) return;
    if (this.#sought.get(watched.peer) === watched) this.#sought.delete(watched.peer);
    if (watched.fd >= 0 && this.#found[watched.fd] === watched) this.#found[watched.fd] = undefined;
    watched.fd = -1;
    if (this.#clients.size === 0) this.#wheel.remove(this);
  }

  due(nowMs: number): number {
    if (this.#sought.size > 0) this.#seekIfDue(nowMs);
    for (let visited = 0; visited < this.#listsATurn; visited++) {
      for (const socket of this.#clients.ofList(this.#next)) this.#visit(socket, nowMs);
      this.#next = (this.#next + 1) % lists;
    }
    return slotMs;
  }

  /** Those that have just come are searched nearby at once: until a patient client is found, the kernel takes megabytes for it (`Unsent`). */
  #seekIfDue(nowMs: number): void {
    if (this.#asking === 0) {
      const isFar = nowMs >= this.#askAgainMs;
      if (!isFar && !this.#hasNewcomers) return;
      this.#hasNewcomers = false;
      this.#beyond = isFar ? beyondMax : nearbyMax + this.#sought.size;
    }
    this.#seek(nowMs);
  }

  /** Asks some file descriptors that are not known yet for their peers. */
  #seek(nowMs: number): void {
    const end = this.#found.length + this.#beyond;
    for (let asked = 0; asked < askedATurn && this.#sought.size > 0; this.#asking++) {
      if (this.#asking >= end) {
        this.#asking = 0;
        if (this.#beyond === beyondMax) this.#askAgainMs = nowMs + this.#roundMs / 4;
        return;
      }
      if (this.#found[this.#asking] !== undefined) continue;
      asked++;
      const peer = this.#sockets!.peer(this.#asking);
      const watched = peer === undefined ? undefined : this.#sought.get(peer);
      if (watched === undefined) continue;
      watched.fd = this.#asking;
      this.#found[watched.fd] = watched;
      this.#sought.delete(watched.peer);
      this.#unsent.found(watched);
    }
  }

  #visit(socket: ClientSocket, nowMs: number): void {
    const { watched } = socket.data.seat;
    if (watched === undefined) return;
    if (watched.isToEnd) {
      // It has not answered the close within a round.
      socket.terminate();
      return;
    }
    const before = watched.inflow.keptBytes;
    this.#count(watched, this.#holds.has(socket), nowMs);
    const grown = watched.inflow.keptBytes - before;
    if (grown > 0) this.#grown(grown);
    if (watched.inflow.halfBytes <= toleratedBytes) return;
    if (watched.inflow.unfinishedMs(nowMs) < this.#options.messageTimeoutMs) return;
    watched.isToEnd = true;
    this.#holds.resumeForClose(socket);
    socket.close(closeCodes.unfinished.code, closeCodes.unfinished.reason);
  }

  #count(watched: Watched, isHeld: boolean, nowMs: number): void {
    if (watched.fd < 0) return;
    const received = this.#sockets!.received(watched.fd);
    if (received === undefined || received < watched.received) {
      this.#seekAgain(watched);
      return;
    }
    // Usually nothing new has come.
    if (received > watched.received || watched.unread > 0) watched.unread = this.#sockets!.unread(watched.fd);
    watched.received = received;
    watched.inflow.visit(received - watched.unread, isHeld, nowMs);
  }

  /** The file descriptor belongs to another socket. */
  #seekAgain(watched: Watched): void {
    this.#found[watched.fd] = undefined;
    watched.fd = -1;
    this.#sought.set(watched.peer, watched);
  }
}
