import type { Server } from "bun";
import type { Unfit } from "../envelope/set-aside.ts";
import type { Share } from "../envelope/share.ts";
import type { Waiter } from "../envelope/waiter.ts";
import type { OutgoingMessage } from "../message.ts";
import type { AnyMetric } from "../ops/metrics.ts";
import type { Auth } from "./auth/auth.ts";
import type { Grant } from "./auth/grant.ts";
import type { TokenRefusal } from "./auth/token-refusal.ts";
import type { Announcements } from "./clients/announcements.ts";
import type { Client, ClientSocket } from "./clients/client.ts";
import type { Holds } from "./clients/holds.ts";
import type { Shares } from "./clients/shares.ts";
import type { TimerWheel } from "./clients/timer-wheel.ts";
import type { Turns } from "./clients/turns.ts";
import type { Relay } from "./fan-out/relay.ts";
import type { Seat } from "./limits/seat.ts";
import type { Requests } from "./requests/requests.ts";
import type { Listeners } from "./server/listeners.ts";

/** Who is about to connect. */
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
  /** Whether a client that asks for this address may have its token in what it says first, rather than in the handshake. */
  takesTokenLater(url: URL): boolean;
  /** What `/metrics` shows of it. */
  readonly metrics: readonly AnyMetric[];
  /** The client that is about to connect, or why it may not: in a sentence, or because of its token. */
  admit(newcomer: Newcomer): Client | TokenRefusal | string;
}

/** Where the clients' messages go. */
export interface Uplink {
  /**
   * Takes a message for the broker and returns its number: `idOf` makes its id of that, where one is needed.
   * The waiter hears of what becomes of it, which is never before `take` has returned.
   *
   * @param share the sender's, by which senders are served by turns
   * @param waiterBytes what the waiter keeps in memory, which is counted as the message is
   */
  take(message: OutgoingMessage, share: Share, waiter?: Waiter, waiterBytes?: number): number;
  /** Why the broker could not carry a message, as far as is known; undefined if it could. */
  unfitnessOf(message: OutgoingMessage): Unfit | undefined;
  idOf(number: number): string;
  /** What may still wait for the broker. In bytes; not above zero: whoever sends has to be held back until `Gateway.relieve`. */
  readonly freeBytes: number;
}

/** What protocols share. */
export interface Surroundings {
  readonly relay: Relay;
  readonly uplink: Uplink;
  readonly holds: Holds;
  readonly listeners: Listeners;
  readonly shares: Shares;
  readonly wheel: TimerWheel;
  readonly turns: Turns;
  readonly announcements: Announcements;
  readonly requests: Requests;
  /** Undefined: clients need no token. */
  readonly auth: Auth | undefined;
  /**
   * Counts towards what a client may send in a second, and holds it back when that is too much: so many messages, and so many
   * bytes. To be called for what is obeyed.
   */
  count(socket: ClientSocket, messages: number, bytes: number): void;
  /** To be called when a client gets its id only after it has connected. */
  identified(socket: ClientSocket): void;
  /** To be called when so much was sent to a client other than by `listeners`. In bytes; of text in characters. */
  sent(bytes: number): void;
  /** A client that sends a larger body is closed. In bytes. */
  readonly maxMessageBytes: number;
}
