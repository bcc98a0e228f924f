import type { Body } from "../../message.ts";
import { type Audience, Audiences, type Route } from "./audiences.ts";
import type { Delivery, Relayed } from "./encoding.ts";

/** Sends to all clients that subscribe to a key. */
export interface Outlet {
  /** Publishes to all that subscribe to the key. */
  publish(key: string, body: Body): void;
}

/** A client that gets no copy of what it sends, although it is in the audience (the "No Local" of MQTT). */
export interface ExcludedSender {
  readonly audience: Audience;
  /** Sends to all others of its audience. */
  publish(body: Body): void;
}

/**
 * Delivers a topic's messages to its clients, always by Bun's native publish. A frame is made once for all audiences with the same head,
 * never for each client.
 */
export class Relay {
  /** All live subscriptions. */
  readonly audiences = new Audiences("live");
  #outlet: Outlet | undefined;
  #deliveredCount = 0;
  #publishedBytes = 0;
  /** How many messages were published so far: a message counts once for each of its audiences. */
  publishedCount = 0;

  /** How many messages were sent to clients: one message to a thousand clients counts a thousand. */
  get deliveredCount(): number {
    return this.#deliveredCount;
  }

  /** What was published to clients, counting each copy: in bytes; text counts in UTF-16 units. */
  get publishedBytes(): number {
    return this.#publishedBytes;
  }

  /** `count` messages were sent to clients one by one. */
  delivered(count: number): void {
    this.#deliveredCount += count;
  }

  publishThrough(outlet: Outlet): void {
    this.#outlet = outlet;
  }

  /** Sends a message to every client of its topic. */
  toAll(message: Relayed, id: string): void {
    const route = this.audiences.route(message.topic);
    if (route.length > 0) this.send(route, message, id);
  }

  /**
   * Sends a message to the audiences of a route.
   *
   * @param id may be empty if no encoding of the route includes it
   * @param excluded the sending client, if it is to get no copy
   */
  send(
    route: Route,
    message: Relayed,
    id: string,
    delivery: Delivery = live,
    excluded?: ExcludedSender,
  ): void {
    const own = excluded?.audience;
    let { encoding } = route[0]!;
    let tail = encoding.tailOf(message, id, delivery);
    // Groups of two encodings may alternate, so the last tail of the other one is kept.
    let before = encoding;
    let tailBefore = tail;
    for (const group of route) {
      if (group.encoding !== encoding) {
        const next = group.encoding === before ? tailBefore : group.encoding.tailOf(message, id, delivery);
        before = encoding;
        tailBefore = tail;
        encoding = group.encoding;
        tail = next;
      }
      const frame = encoding.join(group.head, tail);
      this.publishedCount += group.audiences.length;
      for (const audience of group.audiences) {
        // Set this before publishing: a client that has to leave because of this message has got it.
        audience.lastPosition = delivery.position;
        if (audience.take !== undefined) audience.take(message.topic, frame);
        else if (audience !== own) {
          this.#published(audience.clientCount, frame.length);
          this.#outlet?.publish(audience.key, frame);
        } else {
          this.#published(audience.clientCount - 1, frame.length);
          excluded!.publish(frame);
        }
      }
    }
  }

  /** Publishes a frame to all clients that are subscribed to a key, and counts it. */
  publish(key: string, clientCount: number, frame: Body): void {
    this.#published(clientCount, frame.length);
    this.#outlet?.publish(key, frame);
  }

  /** A message was published to `count` clients. */
  #published(count: number, bytes: number): void {
    this.#deliveredCount += count;
    this.#publishedBytes += count * bytes;
  }
}

const live: Delivery = {};
