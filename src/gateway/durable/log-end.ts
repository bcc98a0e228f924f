import type { Position } from "../../log/position.ts";
import type { LogRecord } from "../../log/record.ts";
import type { Message } from "../../message.ts";
import type { LoopTime } from "../../ops/loop-time.ts";
import { isExpired } from "../../properties.ts";
import type { ClientSocket } from "../clients/client.ts";
import type { Audience } from "../fan-out/audience.ts";
import { Audiences } from "../fan-out/audiences.ts";
import { direct } from "../fan-out/encoding.ts";
import type { Relay } from "../fan-out/relay.ts";
import { nowhere } from "../fan-out/routes.ts";
import type { DurableSubscription } from "./subscription.ts";

/** How much is published in one turn of the event loop, to audiences and single clients together. Each publish takes about a microsecond. */
export const publishedMax = 4096;

/** What `LogEnd` reports. */
export interface LogEndEvents {
  /** The client has no room for a message that is addressed to it: the subscription has to leave. */
  slow(subscription: DurableSubscription): void;
  /** The rest of the record is too much for this turn of the event loop. All subscriptions were removed, and are to read on from their places. */
  tooMuch(left: readonly DurableSubscription[]): void;
}

/**
 * The subscriptions at the log's end. A record is published to all of them at once by Bun, as it is to live ones. Only messages for one
 * client are sent one by one.
 *
 * A record may have hundreds of messages, and each of them thousands of audiences, where clients use many subscription ids. So only as much
 * is published in one turn of the event loop as takes a few milliseconds.
 */
export class LogEnd {
  readonly #relay: Relay;
  readonly #audiences = new Audiences("durable");
  readonly #directs = new Map<string, Set<DurableSubscription>>();
  /** Each subscription with its audience; undefined for a subscription to messages that are addressed to its client. */
  readonly #subscriptions = new Map<DurableSubscription, Audience | undefined>();
  readonly #events: LogEndEvents;
  readonly #loop: LoopTime;
  readonly #publishedMax: number;
  /** The turn of the event loop in which something was last published, and how much was published in it. */
  #turn = -1;
  #published = 0;
  /** The message that is being published; undefined between records. */
  #current: Position | undefined;
  /** Its position, as clients see it. */
  #position: string | undefined;

  /**
   * @param loop tells the turns of the event loop apart
   * @param most how much may be published in one turn
   */
  constructor(relay: Relay, events: LogEndEvents, loop: LoopTime, most = publishedMax) {
    this.#relay = relay;
    this.#events = events;
    this.#loop = loop;
    this.#publishedMax = most;
  }

  get count(): number {
    return this.#subscriptions.size;
  }

  /** The client of each subscription. */
  *sockets(): Iterable<ClientSocket> {
    for (const { socket } of this.#subscriptions.keys()) yield socket;
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

  /** @param isConnected false if the socket is closed: then Bun has forgotten its subscriptions */
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
   * Removes a subscription and notes exactly what it has got, even while a message is being published: what Bun has queued for it is still
   * sent.
   *
   * @param reached the offset that the log has reached
   */
  leaveAtPlace(subscription: DurableSubscription, reached: number): void {
    const place = this.#current ?? { offset: reached, index: Number.POSITIVE_INFINITY };
    const audience = this.#subscriptions.get(subscription);
    const hasGot = this.#current === undefined || audience?.lastPosition === this.#position;
    subscription.reached(hasGot ? place : { ...place, index: place.index - 1 });
    this.leave(subscription, true);
  }

  /** Removes and returns all subscriptions. */
  takeAll(): DurableSubscription[] {
    const all = [...this.#subscriptions.keys()];
    for (const subscription of all) this.leave(subscription, true);
    return all;
  }

  publish(record: LogRecord): void {
    if (this.#subscriptions.size === 0 || record.repeated === "all") return;
    const { offset } = record;
    // Messages that clients sent are looked up by topic, messages for one client by that client's id.
    if (record.isFromClients && record.topics?.every((topic) => !this.#isWanted(topic))) return;
    this.#beginTurn();
    const { heads } = record;
    for (const [index, head] of heads.entries()) {
      if (isExpired(head) || record.isRepeat(index)) continue;
      const recipient = record.recipientOf(head);
      const subscriptions = recipient === undefined ? undefined : this.#directs.get(recipient);
      const route = recipient === undefined ? this.#audiences.route(head.topic) : nowhere;
      if (subscriptions === undefined && route.length === 0) continue;
      if (this.#published > this.#publishedMax) {
        this.#leaveAll(offset - 1);
        break;
      }
      const position = record.positionOf(index);
      this.#current = { offset, index };
      this.#position = position;
      const message = record.at(index);
      if (subscriptions !== undefined) this.#publishDirect(message, subscriptions, this.#current, position);
      else {
        const before = this.#relay.publishedCount;
        this.#relay.send(route, message, message.id, { position });
        this.#published += this.#relay.publishedCount - before;
      }
    }
    this.#current = this.#position = undefined;
  }

  /** @param reached the offset up to which they have got everything, if they have got nothing of the current record */
  #leaveAll(reached: number): void {
    const all = [...this.#subscriptions.keys()];
    for (const subscription of all) this.leaveAtPlace(subscription, reached);
    this.#events.tooMuch(all);
  }

  #beginTurn(): void {
    this.#loop.begin();
    if (this.#turn === this.#loop.turn) return;
    this.#turn = this.#loop.turn;
    this.#published = 0;
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
      this.#published++;
      if (!subscription.isRoomy) {
        this.#events.slow(subscription);
        continue;
      }
      subscription.add(subscription.encoding.tailOf(message, message.id, { position, isForOne: true }));
      subscription.reached(place);
      subscription.flush();
      this.#relay.delivered(1);
    }
  }
}
