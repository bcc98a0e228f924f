import type { LoopTime } from "../ops/loop-time.ts";
import type { AnyMetric } from "../ops/metrics.ts";
import { Notices } from "../ops/notices.ts";
import { Addressed } from "./clients/addressed.ts";
import { Backpressure } from "./clients/backpressure.ts";
import type { ClientSocket } from "./clients/client.ts";
import { Holds } from "./clients/holds.ts";
import { Receipts } from "./clients/receipts.ts";
import { Removals } from "./clients/removals.ts";
import { Roster } from "./clients/roster.ts";
import { Shares } from "./clients/shares.ts";
import { Tidying } from "./clients/tidying.ts";
import { TimerWheel } from "./clients/timer-wheel.ts";
import { Traffic } from "./clients/traffic.ts";
import { Turns } from "./clients/turns.ts";
import { Visits } from "./clients/visits.ts";
import { Durables } from "./durable/durables.ts";
import type { Outlet } from "./durable/outflow.ts";
import { defaultRetryBackoff } from "./durable/sweeps.ts";
import { Ingress } from "./fan-out/ingress.ts";
import { Multicast } from "./fan-out/multicast.ts";
import { Relay } from "./fan-out/relay.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import { OriginGuard } from "./guards/origin-guard.ts";
import { Refusals } from "./guards/refusals.ts";
import { Backlogs } from "./limits/backlogs.ts";
import { Limits } from "./limits/limits.ts";
import { memoryLimit } from "./limits/memory-limit.ts";
import { presenceRoomFor, roomFor } from "./limits/room.ts";
import { Rooms } from "./presence/rooms.ts";
import type { Door, Protocol, Surroundings } from "./protocol/protocol.ts";
import { doors, type ProtocolMaker } from "./protocols.ts";
import { Requests } from "./requests/requests.ts";
import { Connections } from "./server/connections.ts";
import { Entrance } from "./server/entrance.ts";
import { Listeners } from "./server/listeners.ts";
import { GatewayServer, messageMaxOf } from "./server/server.ts";

/** What the gateway consists of, each part made of those before it. */
export class GatewayParts {
  readonly options: GatewayOptions;
  readonly server: GatewayServer;
  readonly entrance: Entrance;
  readonly protocols: Protocol[] = [];
  readonly doors: readonly Door[];
  readonly ingress: Ingress;
  readonly clients = new Roster();
  readonly connections: Connections;
  readonly holds = new Holds();
  /** Shares out the event loop's time among everything that takes long. */
  readonly loop: LoopTime;
  readonly relay: Relay;
  readonly turns: Turns;
  readonly receipts: Receipts;
  readonly addressed: Addressed;
  readonly refusals: Refusals;
  readonly traffic = new Traffic(() => this.relay.publishedBytes);
  readonly visits: Visits;
  readonly durables: Durables | undefined;
  readonly rooms: Rooms | undefined;
  readonly backpressure: Backpressure;
  readonly shares: Shares;
  readonly limits: Limits;
  readonly wheel: TimerWheel;
  readonly tidying: Tidying;
  readonly requests: Requests;
  readonly backlogs: Backlogs;
  readonly removals: Removals;
  readonly multicast: Multicast;
  readonly listeners: Listeners;

  /**
   * @param makers the protocols that clients may speak
   * @param metrics what `/metrics` shows
   */
  constructor(
    options: GatewayOptions,
    makers: readonly ProtocolMaker[],
    metrics: () => readonly AnyMetric[],
  ) {
    this.options = options;
    const { loop } = options;
    this.loop = loop;
    this.relay = new Relay(loop);
    this.turns = new Turns(this.holds, (socket) => this.connections.left(socket), loop, this.relay);
    this.receipts = new Receipts(loop);
    this.addressed = new Addressed(loop);
    this.removals = new Removals(loop, this.holds);
    this.wheel = new TimerWheel(loop);
    this.tidying = new Tidying(this.wheel, this.clients, this.traffic);
    this.multicast = new Multicast(loop);
    this.listeners = new Listeners(
      (listening) => this.server.serve(listening),
      (bytes) => this.backlogs.sent(bytes),
      this.multicast,
    );
    this.relay.publishThrough(this.listeners);
    this.requests = new Requests(this.wheel, this.loop, this.#largestBytes);
    this.requests.onLeft = options.onAskerLeft;
    const { announcements, uplink } = options;
    const notices = new Notices(options.logger);
    this.visits = new Visits(options.logger, this.traffic);
    this.refusals = new Refusals(options.logger);
    const memoryMaxBytes = options.clientsMemoryBytes ?? memoryLimit() / 4;
    this.backlogs = this.#backlogsUpTo(memoryMaxBytes);
    const sent = (bytes: number) => {
      this.traffic.sentBytes += bytes;
      this.backlogs.sent(bytes);
    };
    this.rooms = this.#roomsFor(sent);
    this.durables = this.#durablesTo(this.#outlet);
    this.backpressure = new Backpressure(this.holds, this.clients, () => uplink.freeBytes <= 0);
    this.shares = new Shares(this.holds, uplink, this.backpressure);
    this.limits = new Limits(
      { ...options, messageMaxBytes: messageMaxOf(options) },
      this.wheel,
      this.holds,
      this.clients,
      (bytes) => this.backlogs.kept(bytes),
    );
    this.connections = new Connections({ ...this.#attendants, announcements });
    const count = (socket: ClientSocket, messages: number, bytes: number) =>
      this.limits.count(socket, messages, bytes);
    const { relay, shares, holds } = this;
    this.ingress = new Ingress({ ...options, relay, shares, holds, count });
    const surroundings = this.#surroundings(sent, count);
    for (const make of makers) this.protocols.push(make(surroundings));
    const origins = new OriginGuard(options, notices);
    this.entrance = new Entrance(options, this.protocols, this.refusals, this.limits, origins);
    const ways = { ...surroundings, ...this.#doorParts, origins, memoryMaxBytes };
    this.doors = doors.map((make) => make(ways));
    this.server = this.#serverWith(metrics, notices);
  }

  #serverWith(metrics: () => readonly AnyMetric[], notices: Notices): GatewayServer {
    const { options, entrance, listeners, connections: events, refusals, doors, loop } = this;
    const operations = { readiness: () => options.readiness(), metrics };
    return new GatewayServer(options, {
      entrance,
      listeners,
      operations,
      events,
      refusals,
      notices,
      doors,
      loop,
    });
  }

  #roomsFor(sent: Surroundings["sent"]): Rooms | undefined {
    const { presence, clientBufferBytes } = this.options;
    if (presence === undefined) return undefined;
    return new Rooms(presence, this.relay, { room: presenceRoomFor(clientBufferBytes), sent }, this.loop);
  }

  /** No single message that goes to a client is larger. In bytes. */
  get #largestBytes(): number {
    const { clientBufferBytes, maxMessageBytes, sharedLog } = this.options;
    return Math.max(maxMessageBytes, sharedLog?.recordBytesMax ?? clientBufferBytes);
  }

  /** @param memoryMaxBytes what may be kept for all clients together */
  #backlogsUpTo(memoryMaxBytes: number): Backlogs {
    const { clientBufferBytes } = this.options;
    const largestBytes = this.#largestBytes;
    const keptBytes = () => this.doors.reduce((bytes, door) => bytes + door.keptBytes, 0);
    const atEnd = () => this.durables?.end;
    return new Backlogs(
      { clientBufferBytes, largestBytes, memoryMaxBytes, keptBytes, atEnd },
      this.wheel,
      this.holds,
      this.clients,
    );
  }

  get #outlet(): Outlet {
    return {
      room: roomFor(this.options.clientBufferBytes),
      sent: (bytes, waitingBytes) => {
        this.traffic.sentBytes += bytes;
        // Otherwise ten thousand clients that catch up would have all of them checked for each of their megabytes.
        this.backlogs.sent(waitingBytes);
      },
    };
  }

  /** Undefined where there is no log to subscribe to. */
  #durablesTo(outlet: Outlet): Durables | undefined {
    const { sharedLog, logMemoryBytes, lastValuesMaxBytes } = this.options;
    if (sharedLog === undefined) return undefined;
    return new Durables(
      sharedLog,
      this.relay,
      logMemoryBytes,
      defaultRetryBackoff,
      outlet,
      lastValuesMaxBytes,
      this.loop,
    );
  }

  /** The parts that hear what happens on connections. */
  get #attendants() {
    const { clients, holds, turns, backpressure, backlogs, limits, traffic, visits, tidying, removals } =
      this;
    return { clients, holds, turns, backpressure, backlogs, limits, traffic, visits, tidying, removals };
  }

  /** What protocols share. */
  #surroundings(sent: Surroundings["sent"], count: Surroundings["count"]): GatewayOptions & Surroundings {
    const { options, protocols, relay, ingress, holds, listeners, shares, durables, rooms, wheel } = this;
    return {
      ...options,
      protocols,
      relay,
      ingress,
      holds,
      listeners,
      shares,
      durables,
      rooms,
      wheel,
      sent,
      kept: (bytes) => this.backlogs.kept(bytes),
      turns: this.turns,
      receipts: this.receipts,
      requests: this.requests,
      count,
      identified: (socket: ClientSocket) => this.connections.identified(socket),
      patienceChanged: (socket: ClientSocket) => this.limits.patienceChanged(socket),
    };
  }

  /** What doors get besides. */
  get #doorParts() {
    const { entrance, refusals, limits, connections, multicast, loop } = this;
    const keptGrown = (bytes: number) => this.backlogs.kept(bytes);
    return { entrance, refusals, limits, connections, multicast, loop, keptGrown };
  }
}
