import type { Client } from "../client.ts";
import type { Protocol, Surroundings } from "../protocol.ts";
import type { Durables } from "./durable/durables.ts";
import { Session } from "./session.ts";
import { TimerWheel } from "./timer-wheel.ts";

export interface StompOptions {
  /** Subscriptions that a client may have. */
  readonly maxSubscriptions: number;
  /** What a client's open transactions may hold together. In bytes. */
  readonly maxTransactionBytes: number;
  /** Undefined where there is no log to subscribe to. */
  readonly durables: Durables | undefined;
}

/** What the sessions share. */
export interface StompSurroundings extends Surroundings, StompOptions {
  readonly wheel: TimerWheel;
}

/** STOMP 1.2 and 1.1 over WebSocket, for clients that need topics, receipts and headers. */
export class StompProtocol implements Protocol {
  readonly subprotocols = ["v12.stomp", "v11.stomp"];
  readonly #surroundings: StompSurroundings;

  constructor(surroundings: Surroundings & StompOptions) {
    const { relay, uplink, holds, backpressure, durables } = surroundings;
    const { maxMessageBytes, maxSubscriptions, maxTransactionBytes } = surroundings;
    const wheel = new TimerWheel();
    this.#surroundings = {
      relay,
      uplink,
      holds,
      backpressure,
      durables,
      maxMessageBytes,
      maxSubscriptions,
      maxTransactionBytes,
      wheel,
    };
  }

  admit(id: string): Client {
    return new Session(id, this.#surroundings);
  }
}
