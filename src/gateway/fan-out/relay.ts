import type { Body } from "../../message.ts";
import { LoopTime } from "../../ops/loop-time.ts";
import type { Audience, ExcludedSender } from "./audience.ts";
import { Audiences } from "./audiences.ts";
import type { Delivery, Relayed } from "./encoding.ts";
import type { Route } from "./routes.ts";
import type { Spread } from "./spread.ts";
import { Spreads } from "./spreads.ts";

/** Sends to all clients that subscribe to a key. */
export interface Outlet {
  /** Publishes to all that subscribe to the key. */
  publish(key: string, body: Body): void;
}

/**
 * Delivers a topic's messages to its clients, always by Bun's native publish. A frame is made once for all audiences with the same head,
 * never for each client. A live message with thousands of audiences is published by turns.
 */
export class Relay {
  /** All live subscriptions. */
  readonly audiences = new Audiences("live");
  readonly #spreads: Spreads;
  #outlet: Outlet | undefined;
  /** How many messages of other managers and processors are still being published by turns. */
  #unspread = 0;
  #deliveredCount = 0;
  #publishedBytes = 0;
  /** How many messages were published so far: a message counts once for each of its audiences. */
  publishedCount = 0;

  /** @param loop shares out the event loop's time */
  constructor(loop = new LoopTime()) {
    this.#spreads = new Spreads(loop, (audience, topic, frame, excluded) => {
      this.publishedCount++;
      this.#hand(audience, topic, frame, excluded);
    });
  }

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

  /** What messages take that are published by turns, in bytes. */
  get spreadingBytes(): number {
    return this.#spreads.bytes;
  }

  /** Whether so much is published by turns that clients' input has to wait. */
  get isFull(): boolean {
    return this.#spreads.isFull;
  }

  /** Whether a message that was given to `toAll` is still being published by turns. The next ones should wait. */
  get isSpreading(): boolean {
    return this.#unspread > 0;
  }

  publishThrough(outlet: Outlet): void {
    this.#outlet = outlet;
  }

  /** Sends a live message to every client of its topic. */
  toAll(message: Relayed, id: string): void {
    const route = this.audiences.route(message.topic);
    const spread = route.length === 0 ? undefined : this.spread(route, message, id);
    if (spread === undefined) return;
    this.#unspread++;
    spread.onDone = () => this.#unspread--;
  }

  /**
   * Sends a live message to the audiences of a route, by turns if there are thousands of them.
   *
   * @param id may be empty if no encoding of the route includes it
   * @param excluded the sending client, if it is to get no copy
   * @param isUnheld whether nothing holds its sender back: then dozens of audiences are many
   * @returns what is still to be published; undefined if nothing is
   */
  spread(
    route: Route,
    message: Relayed,
    id: string,
    excluded?: ExcludedSender,
    isUnheld = false,
  ): Spread | undefined {
    if (this.#spreads.concerns(route, message.body, isUnheld))
      return this.#spreads.add(route, message, id, excluded, isUnheld);
    this.send(route, message, id, live, excluded);
    return undefined;
  }

  /** Publishes to one audience now what waits for it, since a client is about to join it, or to leave it for another one. */
  settle(audience: Audience): void {
    if (audience.waiting > 0) this.#spreads.settle(audience);
  }

  /** Waits until all is published, for at most `timeoutMs`. Returns how long it took, in milliseconds. */
  async finish(timeoutMs: number): Promise<number> {
    return await this.#spreads.finish(timeoutMs);
  }

  /**
   * Sends a message to the audiences of a route, all in one turn of the event loop.
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
        this.#hand(audience, message.topic, frame, excluded);
      }
    }
  }

  #hand(audience: Audience, topic: string, frame: Body, excluded: ExcludedSender | undefined): void {
    if (audience.take !== undefined) audience.take(topic, frame);
    else if (audience !== excluded?.audience || excluded.isClosed) {
      this.#published(audience.clientCount, frame.length);
      this.#outlet?.publish(audience.key, frame);
    } else {
      this.#published(audience.clientCount - 1, frame.length);
      excluded.publish(frame);
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
