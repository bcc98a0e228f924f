import type { Body } from "../../message.ts";
import type { Encoding } from "./encoding.ts";

/**
 * The clients that get the same bytes: they share an encoding, a subscription id and a pattern. Clients of one library use the same few
 * ids, so even very many clients form few audiences.
 */
export interface Audience {
  /** Distinguishes it from other kinds of subscriptions. */
  readonly kind: "audience";
  /** The id that its clients gave the subscription. */
  readonly subscriptionId: string;
  /** The topic's name in Bun.serve's publish and subscribe. */
  readonly key: string;
  /** What its clients subscribe to. */
  readonly pattern: string;
  readonly encoding: Encoding;
  /** The head of everything that it gets; see `Encoding`. */
  readonly head: string;
  /** Shared with all others that have this head. */
  readonly sharedHead: Head;
  /** How many clients it has. */
  clientCount: number;
  /** How many live messages wait to be published to it (`Spreads`). */
  waiting: number;
  /** The log position of the last message that it was sent. Only for durable subscriptions. */
  lastPosition: string | undefined;
  /** Takes its frames, if they do not go to the sockets that are subscribed to its key. */
  readonly take: ((topic: string, frame: Body) => void) | undefined;
  /** The group of this audience alone, once a route has needed it. */
  alone: Group | undefined;
}

/** A client that gets no copy of what it sends, although it is in the audience (the "No Local" of MQTT). */
export interface ExcludedSender {
  readonly audience: Audience;
  /** Whether its connection has ended. Then `publish` sends nothing. */
  readonly isClosed: boolean;
  /** Sends to all others of its audience. */
  publish(body: Body): void;
}

/** Audiences that get the same bytes for a message, though they may have subscribed to different patterns. */
export interface Group {
  readonly encoding: Encoding;
  /** The head that they share. */
  readonly head: string;
  /** Those with this head. */
  readonly audiences: readonly Audience[];
}

/** A head of an encoding. All audiences with this head share it, so that they are put together without comparing texts. */
export class Head {
  readonly text: string;
  /** How many audiences have it. */
  count = 0;
  /** The last route that it has a group in, and the group's index there. */
  #route = 0;
  #index = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** The index of its group in the route with this number. If it has none there yet, it is at `next` from now on. */
  indexIn(route: number, next: number): number {
    if (this.#route !== route) {
      this.#route = route;
      this.#index = next;
    }
    return this.#index;
  }
}
