import type { Server } from "bun";
import type { Body } from "../../message.ts";
import type { Routes } from "../../ops/http.ts";
import type { LoopTime } from "../../ops/loop-time.ts";
import type { AnyMetric } from "../../ops/metrics.ts";
import type { Query } from "../../query.ts";
import type { Auth } from "../auth/auth.ts";
import type { Grant } from "../auth/grant.ts";
import type { Announcements } from "../clients/announcements.ts";
import type { Client, ClientSocket } from "../clients/client.ts";
import type { Holds } from "../clients/holds.ts";
import type { Receipts } from "../clients/receipts.ts";
import type { Seat } from "../clients/seat.ts";
import type { Shares } from "../clients/shares.ts";
import type { SocketEvents } from "../clients/socket-events.ts";
import type { TimerWheel } from "../clients/timer-wheel.ts";
import type { Turns } from "../clients/turns.ts";
import type { Durables } from "../durable/durables.ts";
import type { Ingress } from "../fan-out/ingress.ts";
import type { Multicast } from "../fan-out/multicast.ts";
import type { Relay } from "../fan-out/relay.ts";
import type { OriginGuard } from "../guards/origin-guard.ts";
import type { Refusals, Refused } from "../guards/refusals.ts";
import type { AdmissionOptions } from "../limits/admission.ts";
import type { Limits } from "../limits/limits.ts";
import type { MessageRateOptions } from "../limits/message-rate.ts";
import type { Rooms } from "../presence/rooms.ts";
import type { Requests } from "../requests/requests.ts";

/** A client that is connecting. */
export interface Newcomer {
  /** Undefined: it has given no id, and will get one. */
  readonly id: string | undefined;
  /** Without faults. */
  readonly query: Query;
  /** Undefined: it still has to show a token, which must agree with the id. */
  readonly grant: Grant | undefined;
  /** The server to which it will be connected. */
  readonly server: Server<Client>;
  readonly seat: Seat;
}

/** A protocol over WebSocket. */
export interface Protocol {
  /** Its names in Sec-WebSocket-Protocol, the best one first. If there are none, it is for clients that ask for no subprotocol. */
  readonly subprotocols: readonly string[];
  /** Whether a client with this query may send its token in its first message. Absent: it has to be in the handshake. */
  takesTokenLater?(query: Query): boolean;
  /** The protocol's own metrics. */
  readonly metrics?: readonly AnyMetric[];
  /** How clients that ask for no subprotocol can use it; absent if they have to ask for it. */
  readonly lateEntry?: LateEntry;
  /** Makes the client that is connecting, or tells why it may not connect. */
  admit(newcomer: Newcomer): Client | Refused;
}

/** A connected client whose first message shows that it uses this protocol. */
export type LateNewcomer = Pick<Newcomer, "id" | "grant" | "seat">;

/**
 * Lets clients use a protocol without asking for a subprotocol: their first message shows which one it is. Libraries that get a bare `new
 * WebSocket(url)` cannot ask.
 */
export interface LateEntry {
  /** The protocol's name. */
  readonly name: string;
  /** Whether a client's first message is the beginning of this protocol. */
  begins(first: string | Buffer): boolean;
  /** Where such a client may send its token, for instance `as the passcode of its first frame`. */
  readonly tokenPlace: string;
  /** Makes the client discard plain text that it has received. */
  readonly resync: string;
  /** Makes the client that takes the socket over. */
  admit(newcomer: LateNewcomer): Client;
}

/** Sends a client's message to other clients without the relay. */
export interface NeighbourOutlet {
  /**
   * Publishes to all subscribers of the key except the sender.
   *
   * @param home the server to which the sender is connected
   */
  publishFrom(socket: ClientSocket, home: Server<Client>, key: string, body: Body): void;
}

/** What all protocols use. */
export interface Surroundings {
  /** All protocols, once the gateway has been made. */
  readonly protocols: readonly Protocol[];

  readonly relay: Relay;
  readonly ingress: Ingress;
  readonly holds: Holds;
  /** The servers to which clients are connected. */
  readonly listeners: NeighbourOutlet;
  readonly shares: Shares;
  readonly wheel: TimerWheel;
  readonly turns: Turns;
  readonly receipts: Receipts;
  readonly announcements: Announcements;
  readonly requests: Requests;
  /** Undefined: clients need no token. */
  readonly auth: Auth | undefined;
  /**
   * Counts messages and bytes towards the client's rate, and holds it back if it exceeds that. Call it for input that is handled.
   */
  count(socket: ClientSocket, messages: number, bytes: number): void;
  /** Call this when a client gets its id only after it has connected. */
  identified(socket: ClientSocket): void;
  /** Call this when a client's subscriptions have changed, since it may become patient, or stop being so (`Client.isPatient`). */
  patienceChanged(socket: ClientSocket): void;
  /** Call this when something was sent to a client other than through `listeners`. In bytes; text counts in characters. */
  sent(bytes: number): void;
  /** Call this when more is kept of a client's incomplete or waiting input. In bytes. */
  kept(bytes: number): void;
  /** Undefined if there is no log to subscribe to. */
  readonly durables: Durables | undefined;
  /** Presence of clients on topics; undefined where managers cannot tell one another. */
  readonly rooms: Rooms | undefined;
  /** How much may wait for a client that reads slowly. In bytes. */
  readonly clientBufferBytes: number;
  /** A client that sends a larger body is closed. In bytes. */
  readonly maxMessageBytes: number;
}

/** A way in without WebSocket, on the clients' port. */
export interface Door {
  /** Its routes by path, for all methods. The host was checked before. */
  readonly routes: Routes<Client>;
  /** What `/metrics` shows of it. */
  readonly metrics: readonly AnyMetric[];
  /** What is kept of requests that are being read. In bytes. */
  readonly keptBytes: number;
  /**
   * Ends the requests of a client that wait for answers, if their tokens were issued before this time, in milliseconds since 1970. Returns
   * how many there were.
   */
  revoke(clientId: string, issuedBeforeMs: number): number;
  /** The manager is stopping. Requests that still wait get an answer that says so. */
  stop(): void;
  /** Resolves when all answers are on their way, or after `timeoutMs`. Call it after `stop`. */
  settle(timeoutMs: number): Promise<void>;
}

/** What doors use, besides what they share with protocols. */
export interface DoorSurroundings extends Surroundings, AdmissionOptions, MessageRateOptions {
  /** Tells whether the manager is stopping. */
  readonly entrance: { readonly isClosed: boolean };
  /** Decides which pages may connect. */
  readonly origins: OriginGuard;
  readonly refusals: Refusals;
  readonly limits: Limits;
  /** Gets the events of connections that are not WebSockets, like those that Bun reports for WebSockets. */
  readonly connections: SocketEvents;
  readonly multicast: Multicast;
  /** Shares out the event loop's time among everything that takes long. */
  readonly loop: LoopTime;
  /** What may be kept for all clients together, in bytes. */
  readonly memoryMaxBytes: number;
  /** Call this when more is kept of what is being read. In bytes. */
  keptGrown(bytes: number): void;
  /** How long a request's body may take. In milliseconds. */
  readonly messageTimeoutMs: number;
  /** How long an HTTP connection may be idle. In milliseconds. */
  readonly handshakeTimeoutMs: number;
}
