import type { Server } from "bun";
import type { Body } from "../../message.ts";
import type { Routes } from "../../ops/http.ts";
import type { LoopTime } from "../../ops/loop-time.ts";
import type { AnyMetric } from "../../ops/metrics.ts";
import type { Auth } from "../auth/auth.ts";
import type { Grant } from "../auth/grant.ts";
import type { Announcements } from "../clients/announcements.ts";
import type { Client, ClientSocket } from "../clients/client.ts";
import type { Holds } from "../clients/holds.ts";
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

/** A client that is about to connect. */
export interface Newcomer {
  /** Undefined: it named none, and is to get one. */
  readonly id: string | undefined;
  readonly url: URL;
  /** Undefined: it has yet to show a token, which the id has to agree with then. */
  readonly grant: Grant | undefined;
  /** It will be connected to this one. */
  readonly server: Server<Client>;
  readonly seat: Seat;
}

/** One way of speaking to clients over WebSocket. */
export interface Protocol {
  /** Its names in Sec-WebSocket-Protocol, the best first. None: it is for clients that ask for no subprotocol. */
  readonly subprotocols: readonly string[];
  /** Whether a client that asks for this address may have its token in what it says first. Absent: it has it in the handshake. */
  takesTokenLater?(url: URL): boolean;
  /** What `/metrics` shows of it besides. */
  readonly metrics?: readonly AnyMetric[];
  /** How clients that ask for no subprotocol come in; absent if a client has to ask for this one. */
  readonly lateEntry?: LateEntry;
  /** The client that is about to connect, or why it may not. */
  admit(newcomer: Newcomer): Client | Refused;
}

/** A client that is connected already, and turns out to speak a protocol. */
export type LateNewcomer = Pick<Newcomer, "id" | "grant" | "seat">;

/**
 * The way in to a protocol for clients that ask for no subprotocol, since libraries that are handed a bare `new WebSocket(url)`
 * ask for none: they show what they speak by what they say first.
 */
export interface LateEntry {
  /** What the protocol is called. */
  readonly name: string;
  /** Whether a client's first message is the beginning of this protocol. */
  begins(first: string | Buffer): boolean;
  /** Where such a client may have its token, such as `as the passcode of its first frame`. */
  readonly tokenPlace: string;
  /** Makes the client drop what has come to it in plain text. */
  readonly resync: string;
  /** The client that it becomes. */
  admit(newcomer: LateNewcomer): Client;
}

/** Sends what a client says to its neighbours, past the relay. */
export interface NeighbourOutlet {
  /**
   * Publishes to all that subscribe to the key but the client that sends.
   *
   * @param home the server that the client is connected to
   */
  publishFrom(socket: ClientSocket, home: Server<Client>, key: string, body: Body): void;
}

/** What protocols share. */
export interface Surroundings {
  /** All that there are, once the gateway has been made. */
  readonly protocols: readonly Protocol[];

  readonly relay: Relay;
  readonly ingress: Ingress;
  readonly holds: Holds;
  /** The servers that clients are connected to. */
  readonly listeners: NeighbourOutlet;
  readonly shares: Shares;
  readonly wheel: TimerWheel;
  readonly turns: Turns;
  readonly announcements: Announcements;
  readonly requests: Requests;
  /** Undefined: clients need no token. */
  readonly auth: Auth | undefined;
  /**
   * Counts towards what a client may send in a second, and holds it back when that is too much: a number of messages, and of
   * bytes. To be called for what is obeyed.
   */
  count(socket: ClientSocket, messages: number, bytes: number): void;
  /** Call this when a client gets its id only after it has connected. */
  identified(socket: ClientSocket): void;
  /** Call this when a client's subscriptions have changed: it may read as slowly as it likes from now on, or no more. */
  patienceChanged(socket: ClientSocket): void;
  /** Call this when something was sent to a client other than by `listeners`. In bytes; of text in characters. */
  sent(bytes: number): void;
  /** Call this when more is kept of what a client has begun to send, or has sent and is yet to be obeyed. In bytes. */
  kept(bytes: number): void;
  /** Undefined where there is no log to subscribe to. */
  readonly durables: Durables | undefined;
  /** The topics that clients watch; undefined where the broker cannot tell who is on them. */
  readonly rooms: Rooms | undefined;
  /** What may wait for a client that reads slowly. In bytes. */
  readonly clientBufferBytes: number;
  /** A client that sends a larger body is closed. In bytes. */
  readonly maxMessageBytes: number;
}

/** A way in for clients that have no WebSocket, on the clients' port. */
export interface Door {
  /** Its routes by path, whatever the method. A request for a name that Warren may not be asked under is refused before it comes here. */
  readonly routes: Routes<Client>;
  /** What `/metrics` shows of it. */
  readonly metrics: readonly AnyMetric[];
  /** What is kept of requests that are being read. In bytes. */
  readonly keptBytes: number;
  /** The manager stops: those that still wait for an answer are told so. */
  stop(): void;
  /** Resolves when all answers are on their way, or after `timeoutMs`. After `stop`. */
  settle(timeoutMs: number): Promise<void>;
}

/** What doors need besides what they share with protocols. */
export interface DoorSurroundings extends Surroundings, AdmissionOptions, MessageRateOptions {
  /** Tells whether the manager is stopping. */
  readonly entrance: { readonly isClosed: boolean };
  /** Which pages may ask. */
  readonly origins: OriginGuard;
  readonly refusals: Refusals;
  readonly limits: Limits;
  /** Is told of connections that are no WebSockets, as Bun tells of those that are. */
  readonly connections: SocketEvents;
  readonly multicast: Multicast;
  /** What takes long takes its time from it. */
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
