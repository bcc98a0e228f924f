import type { Message } from "../../message.ts";
import type { ClientSocket } from "../clients/client.ts";
import type { DurableRequest, DurableSubscription } from "../durable/subscription.ts";
import type { Audience } from "../fan-out/audience.ts";
import { Conflated } from "../fan-out/conflated.ts";
import { direct, type Encoding } from "../fan-out/encoding.ts";
import { roomFor } from "../limits/room.ts";
import type { WatchRequest } from "../presence/rooms.ts";
import type { Watcher } from "../presence/watcher.ts";
import type { Surroundings } from "./protocol.ts";

/** What is subscribed to: a topic, a pattern, or the messages for this client alone. */
export type Subject = string | typeof direct;

/**
 * A live subscription is a place in an audience, which the relay serves; one to `direct` is served message by message. A durable
 * subscription, to either, is served from the log. A presence subscription tells who is on a topic.
 */
type Subscription =
  | Audience
  | { readonly kind: "direct"; readonly subscriptionId: string; readonly head: string }
  | { readonly kind: "durable"; readonly subscriptionId: string; readonly durable: DurableSubscription }
  | Conflated
  | { readonly kind: "presence"; readonly subscriptionId: string; readonly watcher: Watcher };

/**
 * The subscriptions of one client, whatever its protocol. They are looked up by id only when one begins or ends, and most clients have very
 * few, so they are a list, which is smaller than a map.
 */
export class Subscriptions {
  readonly #all: Subscription[] = [];
  readonly #surroundings: Surroundings;
  /** How many of them are live: because of these a client is cut off when it reads too slowly. */
  #liveCount = 0;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  get count(): number {
    return this.#all.length;
  }

  has(id: string): boolean {
    return this.#find(id) >= 0;
  }

  /** The subjects of all subscriptions except presence. */
  subjects(): readonly Subject[] {
    return this.#all.flatMap((subscription) => subjectOf(subscription) ?? []);
  }

  /** Topics and patterns that are subscribed to. */
  patterns(): readonly string[] {
    const patterns: string[] = [];
    for (const subscription of this.#all) {
      const subject = subjectOf(subscription);
      if (typeof subject === "string") patterns.push(subject);
    }
    return patterns;
  }

  /** What is kept for them, in bytes: the waiting messages of conflated ones, and the places of durable ones that began with the newest messages. */
  get keptBytes(): number {
    let bytes = 0;
    for (const subscription of this.#all) {
      if (subscription.kind === "conflated") bytes += subscription.keptBytes;
      else if (subscription.kind === "durable") bytes += subscription.durable.keptBytes;
    }
    return bytes;
  }

  /** The topics whose presence is subscribed to. */
  *watched(): Iterable<string> {
    for (const subscription of this.#all)
      if (subscription.kind === "presence") yield subscription.watcher.topic;
  }

  /** Subscribes live, beginning with the next message. It is in force at once. */
  addLive(socket: ClientSocket, subject: Subject, encoding: Encoding, id: string): void {
    if (subject === direct) {
      this.#add(socket, { kind: "direct", subscriptionId: id, head: encoding.headOf(id) });
      return;
    }
    const { relay, announcements } = this.#surroundings;
    const audience = relay.audiences.join(subject, encoding, id);
    socket.subscribe(audience.key);
    this.#add(socket, audience);
    announcements.subscribed(socket.data, subject);
  }

  /** Subscribes live, beginning with the next message. If the client reads too slowly, only the newest waiting message of each topic is kept. */
  addConflated(socket: ClientSocket, pattern: string, encoding: Encoding, id: string): void {
    const { relay, announcements, sent, kept, clientBufferBytes } = this.#surroundings;
    const { audiences } = relay;
    const delivered = (count: number) => relay.delivered(count);
    const settle = (audience: Audience) => relay.settle(audience);
    const request = {
      audiences,
      settle,
      socket,
      pattern,
      encoding,
      subscriptionId: id,
      delivered,
      sent,
      kept,
    };
    this.#add(socket, new Conflated({ ...request, room: roomFor(clientBufferBytes) }));
    announcements.subscribed(socket.data, pattern);
  }

  /** Subscribes to the log, from a place in it. Returns false if there is no log. */
  addDurable(request: DurableRequest): boolean {
    const { durables, announcements } = this.#surroundings;
    if (durables === undefined) return false;
    const { socket, subscriptionId, pattern } = request;
    this.#add(socket, { kind: "durable", subscriptionId, durable: durables.add(request) });
    if (pattern !== direct) announcements.subscribed(socket.data, pattern);
    return true;
  }

  /** The position after which a durable subscription goes on; undefined if it has not got everything yet, and for all others. */
  placeOf(id: string): string | undefined {
    const subscription = this.#all[this.#find(id)];
    return subscription?.kind === "durable"
      ? this.#surroundings.durables?.placeOf(subscription.durable)
      : undefined;
  }

  /** Whether a durable subscription has yet to get what the log has already. */
  isReading(id: string): boolean {
    const subscription = this.#all[this.#find(id)];
    return subscription?.kind === "durable" && subscription.durable.state !== "at the end";
  }

  /** Whether presence is available. */
  get hasPresence(): boolean {
    return this.#surroundings.rooms !== undefined;
  }

  /** Subscribes to presence on a topic, if that is available. It is in force at once. Returns why it is not possible, in words for the client. */
  addPresence(request: WatchRequest): string | undefined {
    const watcher = this.#surroundings.rooms!.watch(request);
    if (typeof watcher === "string") return watcher;
    this.#add(request.socket, { kind: "presence", subscriptionId: request.subscriptionId, watcher });
    return undefined;
  }

  /** Returns false if there is none with this id. */
  remove(socket: ClientSocket, id: string): boolean {
    const index = this.#find(id);
    if (index < 0) return false;
    const { relay, durables, announcements, rooms } = this.#surroundings;
    const subscription = this.#all[index]!;
    this.#all.splice(index, 1);
    if (isLive(subscription)) this.#liveCount--;
    const subject = subjectOf(subscription);
    if (typeof subject === "string") announcements.unsubscribed(socket.data, subject);
    if (subscription.kind === "durable") durables?.remove(subscription.durable, true);
    if (subscription.kind === "presence") rooms?.unwatch(subscription.watcher, true);
    if (subscription.kind === "conflated") subscription.end(true);
    if (subscription.kind === "audience") {
      socket.unsubscribe(subscription.key);
      relay.audiences.leave(subscription);
    }
    this.#surroundings.patienceChanged(socket);
    return true;
  }

  /** Whether there are subscriptions, and none is live: a client with live ones has to be cut off when it reads too slowly. */
  get arePatient(): boolean {
    return this.#all.length > 0 && this.#liveCount === 0;
  }

  /**
   * More waits for the client than may wait at the log's end. Its durable subscriptions go on from the log, at its pace, and its presence
   * subscriptions start again.
   *
   * @param waitingBytes how much waits for it
   */
  fallBehind(waitingBytes: number): void {
    for (const subscription of this.#all) {
      if (subscription.kind === "durable") this.#surroundings.durables?.fallBehind(subscription.durable);
      else if (subscription.kind === "presence")
        this.#surroundings.rooms?.fallBehind(subscription.watcher, waitingBytes);
      else if (subscription.kind === "conflated") subscription.fallBehind(waitingBytes);
    }
  }

  /** The client has read something of what waited for it. */
  drained(): void {
    for (const subscription of this.#all) {
      if (subscription.kind === "durable") this.#surroundings.durables?.drained(subscription.durable);
      else if (subscription.kind === "presence") this.#surroundings.rooms?.drained(subscription.watcher);
      else if (subscription.kind === "conflated") subscription.drained();
    }
  }

  /** Sends a message for this client alone to its live subscriptions to `direct`. */
  deliverDirect(socket: ClientSocket, message: Message, encoding: Encoding): void {
    const { relay, sent } = this.#surroundings;
    for (const subscription of this.#all) {
      if (subscription.kind !== "direct") continue;
      const tail = encoding.tailOf(message, message.id, { isForOne: true });
      socket.send(encoding.join(subscription.head, tail));
      relay.delivered(1);
      sent(tail.length);
    }
  }

  /** The connection has ended, and Bun's subscriptions with it. */
  clear(): void {
    const { relay, durables, rooms } = this.#surroundings;
    for (const subscription of this.#all) {
      if (subscription.kind === "audience") relay.audiences.leave(subscription);
      if (subscription.kind === "durable") durables?.remove(subscription.durable, false);
      if (subscription.kind === "presence") rooms?.unwatch(subscription.watcher, false);
      if (subscription.kind === "conflated") subscription.end(false);
    }
    this.#all.length = 0;
    this.#liveCount = 0;
  }

  #add(socket: ClientSocket, subscription: Subscription): void {
    this.#all.push(subscription);
    if (isLive(subscription)) this.#liveCount++;
    this.#surroundings.patienceChanged(socket);
  }

  /** The index of the subscription; -1 if there is none. */
  #find(id: string): number {
    return this.#all.findIndex(({ subscriptionId }) => subscriptionId === id);
  }
}

/** Whether its messages can only wait in the client's socket. */
function isLive({ kind }: Subscription): boolean {
  return kind === "audience" || kind === "direct";
}

/** The subject; undefined for a presence subscription. */
function subjectOf(subscription: Subscription): Subject | undefined {
  if (subscription.kind === "direct") return direct;
  if (subscription.kind === "presence") return undefined;
  return subscription.kind === "durable" ? subscription.durable.pattern : subscription.pattern;
}
