import { lastMax, type Start, startAfter, startAt } from "../../log/position.ts";
import { isShortText, type Message } from "../../message.ts";
import {
  direct as directDestination,
  patternToSubscribe,
  presenceTopicIn,
} from "../../wire/stomp/destinations.ts";
import { StompFault } from "../../wire/stomp/fault.ts";
import { type Frame, required, type Version } from "../../wire/stomp/frames.ts";
import type { Announcements } from "../clients/announcements.ts";
import type { ClientSocket } from "../clients/client.ts";
import type { Durables } from "../durable/durables.ts";
import type { DurableRequest, DurableSubscription } from "../durable/subscription.ts";
import type { Audience } from "../fan-out/audiences.ts";
import { Conflated } from "../fan-out/conflated.ts";
import { direct } from "../fan-out/encoding.ts";
import type { Relay } from "../fan-out/relay.ts";
import { roomFor } from "../limits/backlogs.ts";
import type { Rooms } from "../presence/rooms.ts";
import type { Watcher } from "../presence/watcher.ts";
import type { Credentials } from "./credentials.ts";
import { stompEncoding } from "./encoding.ts";
import { isTooMuchOverlap, overlapsMax } from "./overlaps.ts";
import type { StompSurroundings } from "./stomp.ts";

/**
 * A live subscription is a place in an audience, fed by the relay; one to `/direct` is fed message by message. A durable one,
 * to either, is fed from the log. One to `/presence` is told who is on a topic.
 */
type Subscription =
  | Audience
  | { readonly kind: "direct"; readonly subscriptionId: string; readonly head: string }
  | { readonly kind: "durable"; readonly subscriptionId: string; readonly durable: DurableSubscription }
  | Conflated
  | { readonly kind: "presence"; readonly subscriptionId: string; readonly watcher: Watcher };

/** Whose subscription it is. */
export interface Subscriber {
  readonly socket: ClientSocket;
  readonly clientId: string;
  readonly credentials: Credentials;
  readonly version: Version;
}

/**
 * The subscriptions of one client. They are looked up by id only to begin and to end one, and most clients have very few, of
 * which a list takes 300 bytes less than a map.
 */
export class Subscriptions {
  readonly #all: Subscription[] = [];
  readonly #relay: Relay;
  readonly #durables: Durables | undefined;
  readonly #rooms: Rooms | undefined;
  readonly #countMax: number;
  readonly #sent: StompSurroundings["sent"];
  readonly #announcements: Announcements;
  /** What may wait in a client's socket, in bytes. */
  readonly #room: number;

  constructor({
    relay,
    durables,
    maxSubscriptions,
    sent,
    announcements,
    rooms,
    clientBufferBytes,
  }: StompSurroundings) {
    this.#room = roomFor(clientBufferBytes);
    this.#rooms = rooms;
    this.#announcements = announcements;
    this.#sent = sent;
    this.#relay = relay;
    this.#durables = durables;
    this.#countMax = maxSubscriptions;
  }

  /**
   * @param onInForce called once when it is in force: at once, or for a durable one when its place in the log is known
   * @param onRefused called instead, with a sentence for the client, if a durable one cannot be what it asks for
   * @throws StompFault
   */
  add(
    subscriber: Subscriber,
    frame: Frame,
    onInForce: (after?: string) => void,
    onRefused: (why: string) => void,
  ): void {
    const pattern = this.#add(subscriber, frame, onInForce, onRefused);
    if (typeof pattern === "string") this.#announcements.subscribed(subscriber.socket.data, pattern);
  }

  /** Returns what is subscribed to; undefined if that is no messages. */
  #add(
    { socket, clientId, credentials, version }: Subscriber,
    frame: Frame,
    onInForce: (after?: string) => void,
    onRefused: (why: string) => void,
  ): string | typeof direct | undefined {
    const { headers } = frame;
    const id = required(frame, "id");
    const ack = headers.get("ack") ?? "auto";
    if (ack !== "auto")
      throw new StompFault(`ack:${ack.slice(0, 40)} is not supported: leave it out, or say ack:auto`);
    if (!isShortText(id)) throw new StompFault("a subscription id has at most 255 bytes");
    if (this.#find(id) >= 0) throw new StompFault(`there is a subscription "${id}" already`);
    if (this.#all.length >= this.#countMax)
      throw new StompFault(`more than ${this.#countMax} subscriptions`, { reason: "subscriptions" });
    const destination = required(frame, "destination");
    const watched = presenceTopicIn(destination);
    if (watched !== undefined) {
      credentials.maySubscribe(watched);
      this.#watch(watched, socket, frame, version);
      onInForce();
      return undefined;
    }
    const pattern: string | typeof direct =
      destination === directDestination ? direct : patternToSubscribe(destination);
    if (pattern !== direct) credentials.maySubscribe(pattern);
    if (
      isTooMuchOverlap(
        pattern === direct ? destination : pattern,
        this.#all.filter(hasMessages).map(patternOf),
      )
    )
      throw new StompFault(
        `more than ${overlapsMax} subscriptions that one message may match: let the client share what it gets`,
        { reason: "subscriptions" },
      );
    const start = startOf(headers);
    const isConflated = isConflatedBy(headers, start !== undefined || pattern === direct);
    const encoding = stompEncoding(version);
    if (start !== undefined) {
      if (this.#durables === undefined)
        throw new StompFault("there is no log to subscribe to: this manager runs with --log off");
      const request: DurableRequest = {
        socket,
        clientId,
        subscriptionId: id,
        encoding,
        pattern,
        start,
        onInForce,
        onRefused,
      };
      this.#all.push({ kind: "durable", subscriptionId: id, durable: this.#durables.add(request) });
      return pattern;
    }
    if (pattern === direct) {
      this.#all.push({ kind: "direct", subscriptionId: id, head: encoding.headOf(id) });
    } else if (isConflated) {
      const { audiences } = this.#relay;
      const delivered = (count: number) => this.#relay.delivered(count);
      const request = { audiences, socket, pattern, encoding, subscriptionId: id, delivered };
      this.#all.push(new Conflated({ ...request, room: this.#room, sent: this.#sent }));
    } else {
      const audience = this.#relay.audiences.join(pattern, encoding, id);
      socket.subscribe(audience.key);
      this.#all.push(audience);
    }
    onInForce();
    return pattern;
  }

  /** @throws StompFault */
  #watch(topic: string, socket: ClientSocket, { headers }: Frame, version: Version): void {
    if (this.#rooms === undefined)
      throw new StompFault("nobody knows who is on a topic: this manager runs with --log off");
    if (startOf(headers) !== undefined)
      throw new StompFault("/presence has no log: leave out x-stream-offset and x-stream-after");
    const countOnly = headers.get("x-count") ?? "false";
    if (countOnly !== "true" && countOnly !== "false")
      throw new StompFault(`x-count is true or false, not ${JSON.stringify(countOnly.slice(0, 80))}`);
    const subscriptionId = headers.get("id")!;
    const watcher = this.#rooms.watch({
      socket,
      topic,
      mode: countOnly === "true" ? "count" : "list",
      encoding: stompEncoding(version),
      subscriptionId,
      destination: headers.get("destination")!,
    });
    if (typeof watcher === "string") throw new StompFault(watcher, { reason: "subscriptions" });
    this.#all.push({ kind: "presence", subscriptionId, watcher });
  }

  /** @throws StompFault */
  remove(socket: ClientSocket, id: string): void {
    const index = this.#find(id);
    if (index < 0) throw new StompFault(`there is no subscription "${id.slice(0, 100)}"`);
    const subscription = this.#all[index]!;
    this.#all.splice(index, 1);
    if (subscription.kind === "presence") {
      this.#rooms!.unwatch(subscription.watcher, true);
      return;
    }
    const pattern = patternOf(subscription);
    if (pattern !== directDestination) this.#announcements.unsubscribed(socket.data, pattern);
    if (subscription.kind === "durable") this.#durables?.remove(subscription.durable, true);
    if (subscription.kind === "conflated") subscription.end(true);
    if (subscription.kind !== "audience") return;
    socket.unsubscribe(subscription.key);
    this.#relay.audiences.leave(subscription);
  }

  get count(): number {
    return this.#all.length;
  }

  /** Where it is among all; -1 if it is not. */
  #find(id: string): number {
    return this.#all.findIndex(({ subscriptionId }) => subscriptionId === id);
  }

  /**
   * More waits for the client than may wait at the log's end: its durable subscriptions go on from the log, at its pace, and it
   * learns anew who is on a topic.
   *
   * @returns whether it has no live ones, which would have to be cut off
   */
  fallBehind(): boolean {
    let isDurable = this.#all.length > 0;
    for (const subscription of this.#all) {
      if (subscription.kind === "durable") this.#durables?.fallBehind(subscription.durable);
      else if (subscription.kind === "presence") this.#rooms!.fallBehind(subscription.watcher);
      else if (subscription.kind === "conflated") subscription.fallBehind();
      else isDurable = false;
    }
    return isDurable;
  }

  /** The client has read something of what waited for it. */
  drained(): void {
    for (const subscription of this.#all) {
      if (subscription.kind === "durable") this.#durables?.drained(subscription.durable);
      else if (subscription.kind === "presence") this.#rooms!.drained(subscription.watcher);
      else if (subscription.kind === "conflated") subscription.drained();
    }
  }

  /** What is kept for conflated ones, in bytes. */
  get keptBytes(): number {
    let bytes = 0;
    for (const subscription of this.#all)
      if (subscription.kind === "conflated") bytes += subscription.keptBytes;
    return bytes;
  }

  /** The topics of which it is told who is there. */
  *watched(): Iterable<string> {
    for (const subscription of this.#all)
      if (subscription.kind === "presence") yield subscription.watcher.topic;
  }

  /** What is subscribed to, without `/direct`. */
  *patterns(): Iterable<string> {
    for (const subscription of this.#all) {
      if (subscription.kind === "audience" || subscription.kind === "conflated") yield subscription.pattern;
      else if (subscription.kind === "durable" && subscription.durable.pattern !== direct)
        yield subscription.durable.pattern;
    }
  }

  /** Sends what is for this client alone to its subscriptions to `/direct`. */
  deliverDirect(socket: ClientSocket, message: Message, version: Version): void {
    for (const subscription of this.#all) {
      if (subscription.kind !== "direct") continue;
      const encoding = stompEncoding(version);
      const tail = encoding.tailOf(message, message.id, { isForOne: true });
      socket.send(encoding.join(subscription.head, tail));
      this.#relay.delivered(1);
      this.#sent(tail.length);
    }
  }

  /** The connection has ended, and Bun's subscriptions with it. */
  clear(): void {
    for (const subscription of this.#all) {
      if (subscription.kind === "audience") this.#relay.audiences.leave(subscription);
      if (subscription.kind === "durable") this.#durables?.remove(subscription.durable, false);
      if (subscription.kind === "presence") this.#rooms!.unwatch(subscription.watcher, false);
      if (subscription.kind === "conflated") subscription.end(false);
    }
    this.#all.length = 0;
  }
}

function hasMessages(
  subscription: Subscription,
): subscription is Exclude<Subscription, { kind: "presence" }> {
  return subscription.kind !== "presence";
}

/** What it asks for: a topic, a pattern, or the destination of what is for this client alone. */
function patternOf(subscription: Exclude<Subscription, { kind: "presence" }>): string {
  if (subscription.kind === "direct") return directDestination;
  const { pattern } = subscription.kind === "durable" ? subscription.durable : subscription;
  return pattern === direct ? directDestination : pattern;
}

/**
 * Where a durable subscription begins; undefined for one that is not durable.
 *
 * @throws StompFault
 */
function startOf(headers: Frame["headers"]): Start | undefined {
  const offset = headers.get("x-stream-offset");
  const after = headers.get("x-stream-after");
  if (offset === undefined && after === undefined) return undefined;
  if (offset !== undefined && after !== undefined)
    throw new StompFault("x-stream-offset and x-stream-after are two ways to say where to begin: say one");
  const start = after === undefined ? startAt(offset!) : startAfter(after);
  if (start !== undefined) return start;
  throw new StompFault(
    after === undefined
      ? `x-stream-offset is first, next, last, last=N with N from 1 to ${lastMax}, timestamp=SECONDS or a position, not ${JSON.stringify(offset!.slice(0, 80))}`
      : `x-stream-after is the x-stream-offset of a MESSAGE, not ${JSON.stringify(after.slice(0, 80))}`,
  );
}

/**
 * Whether a live subscription gets only the newest message of each topic that waits when its client reads too slowly.
 *
 * @param isOther it is no live subscription to topics
 * @throws StompFault
 */
function isConflatedBy(headers: Frame["headers"], isOther: boolean): boolean {
  const said = headers.get("x-conflate") ?? "false";
  if (said !== "true" && said !== "false")
    throw new StompFault(`x-conflate is true or false, not ${JSON.stringify(said.slice(0, 80))}`);
  if (said === "true" && isOther)
    throw new StompFault(
      "x-conflate is for live subscriptions to /topic and /broadcast: a durable one is never cut off, and gets every message",
    );
  return said === "true";
}
