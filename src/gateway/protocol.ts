import type { OutgoingMessage } from "../message.ts";
import type { Backpressure } from "./backpressure.ts";
import type { Client } from "./client.ts";
import type { Holds } from "./holds.ts";
import type { Relay } from "./relay.ts";

/** One way of speaking to clients over WebSocket. */
export interface Protocol {
  /** Its names in Sec-WebSocket-Protocol, the best first. None: it is for clients that ask for no subprotocol. */
  readonly subprotocols: readonly string[];
  /** The client that is about to connect, or a sentence that says why it may not. */
  admit(id: string, url: URL): Client | string;
}

/** Where the clients' messages go. */
export interface Uplink {
  /**
   * Takes a message for the broker and returns its number: `idOf` makes its id of that, where one is needed.
   * `onConfirmed` is called once, when the broker has confirmed it, which is never before `take` has returned.
   */
  take(message: OutgoingMessage, onConfirmed?: () => void): number;
  idOf(number: number): string;
  /** Whoever sends has to be held back until `Gateway.relieve`. */
  readonly isFull: boolean;
}

/** What protocols share. */
export interface Surroundings {
  readonly relay: Relay;
  readonly uplink: Uplink;
  readonly holds: Holds;
  readonly backpressure: Backpressure;
  /** A client that sends a larger body is closed. In bytes. */
  readonly maxMessageBytes: number;
}
