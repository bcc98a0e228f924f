import type { Position } from "../../log/position.ts";
import type { LogRecord } from "../../log/record.ts";
import type { Message } from "../../message.ts";
import { isExpired } from "../../properties.ts";
import { type Audience, Audiences, nowhere } from "../fan-out/audiences.ts";
import { direct } from "../fan-out/encoding.ts";
import type { Relay } from "../fan-out/relay.ts";
import type { DurableSubscription } from "./subscription.ts";

/**
 * The subscriptions that have come to the log's end. A record goes to all of them by Bun's native publish, as to live ones; only
 * what is for one client alone goes one by one.
 */
export class LogEnd {
  readonly #relay: Relay;
  readonly #audiences = new Audiences("durable");
  readonly #directs = new Map<string, Set<DurableSubscription>>();
  /** With the audience of each; those that get what is for one client alone have none. */
  readonly #subscriptions = new Map<DurableSubscription, Audience | undefined>();
  readonly #onSlow: (subscription: DurableSubscription) => void;
  /** The message that is being published; undefined between records. */
  #current: Position | undefined;
  /** What it is called towards clients. */
  #position: string | undefined;

  /** @param onSlow the subscription's client has no room for what is for it alone: it has to leave */
  constructor(relay: Relay, onSlow: (subscription: DurableSubscription) => void) {
    this.#relay = relay;
    this.#onSlow = onSlow;
  }

  get count(): number {
    return this.#subscriptions.size;
  }

  join(subscription: DurableSubscription): void {
    const { pattern, subscriptionId, encoding, socket, clientId } = subscription;
    if (pattern === direct) {
      if (this.#directs.get(clientId)?.add(subscription) === undefined)
        this.#directs.set(clientId, new Set([subscription]));
      this.#subscriptions.set(subscription, undefined);
      return;
    }
    const audience = this.#audiences.join(pattern, encoding, subscriptionId);
    socket.subscribe(audience.key);
    this.#subscriptions.set(subscription, audience);
  }

  /** @param isConnected Bun has forgotten the subscriptions of a socket that is closed */
  leave(subscription: DurableSubscription, isConnected: boolean): void {
    const audience = this.#subscriptions.get(subscription);
    this.#subscriptions.delete(subscription);
    if (audience !== undefined) {
      if (isConnected) subscription.socket.unsubscribe(audience.key);
      this.#audiences.leave(audience);
      return;
    }
    const directs = this.#directs.get(subscription.clientId);
    directs?.delete(subscription);
    if (directs?.size === 0) this.#directs.delete(subscription.clientId);
  }

  /**
   * It leaves and knows exactly what it has got, also while a message is being published: what Bun has queued for it goes out.
   *
   * @param reached how far the log has come
   */
  leaveAtPlace(subscription: DurableSubscription, reached: number): void {
    const place = this.#current ?? { offset: reached, index: Number.POSITIVE_INFINITY };
    const audience = this.#subscriptions.get(subscription);
    const hasGot = this.#current === undefined || audience?.lastPosition === this.#position;
    subscription.reached(hasGot ? place : { ...place, index: place.index - 1 });
    this.leave(subscription, true);
  }

  /** Takes all of them out. */
  takeAll(): DurableSubscription[] {
    const all = [...this.#subscriptions.keys()];
    for (const subscription of all) this.leave(subscription, true);
    return all;
  }

  publish(record: LogRecord): void {
    if (this.#subscriptions.size === 0 || record.repeated === "all") return;
    const { offset } = record;
    // What clients sent is looked up by its topics, and a message for one client alone by the client's id.
    if (record.isFromClients && record.topics?.every((topic) => !this.#isWanted(topic))) return;
    const { heads } = record;
    for (const [index, head] of heads.entries()) {
      if (isExpired(head) || record.isRepeat(index)) continue;
      const recipient = record.recipientOf(head);
      const subscriptions = recipient === undefined ? undefined : this.#directs.get(recipient);
      const route = recipient === undefined ? this.#audiences.route(head.topic) : nowhere;
      if (subscriptions === undefined && route.length === 0) continue;
      const position = record.positionOf(index);
      this.#current = { offset, index };
      this.#position = position;
      const message = record.at(index);
      if (subscriptions !== undefined) this.#publishDirect(message, subscriptions, this.#current, position);
      else this.#relay.send(route, message, message.id, { position });
    }
    this.#current = this.#position = undefined;
  }

  #isWanted(topic: string): boolean {
    return this.#audiences.route(topic).length > 0;
  }

  #publishDirect(
    message: Message,
    subscriptions: Iterable<DurableSubscription>,
    place: Position,
    position: string,
  ): void {
    for (const subscription of subscriptions) {
      if (!subscription.isRoomy) {
        this.#onSlow(subscription);
        continue;
      }
      subscription.add(subscription.encoding.tailOf(message, message.id, { position, isForOne: true }));
      subscription.reached(place);
      subscription.flush();
      this.#relay.delivered(1);
    }
  }
}
