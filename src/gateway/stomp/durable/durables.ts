import { positionText } from "../../../log/position.ts";
import type { LogRecord } from "../../../log/record.ts";
import { LogWindow } from "../../../log/window.ts";
import type { Message } from "../../../message.ts";
import type { Relay } from "../../relay.ts";
import { Audiences } from "../audiences.ts";
import { direct } from "../destinations.ts";
import { CatchUps } from "./catch-ups.ts";
import type { SharedLog } from "./shared-log.ts";
import { type DurableRequest, DurableSubscription, isPosition } from "./subscription.ts";
import { defaultRetryBackoff, Sweeps } from "./sweeps.ts";
import { Tails } from "./tails.ts";
import { TimeSearch } from "./time-search.ts";

/**
 * Everybody's durable subscriptions: each gets the log in its order, from where it was told to begin.
 *
 * They differ in how far they have come. Those at the log's end are the many: a record goes to all of them by Bun's native
 * publish, as to live ones. Those behind read what is in memory (`catch-ups.ts`), and those further behind share a few readings
 * of the log (`sweeps.ts`), until each has reached the end. That happens within one turn of the event loop, so that nothing
 * comes between the last record that one has read and the first that is published to it.
 */
export class Durables {
  readonly window: LogWindow;
  readonly #log: SharedLog;
  readonly #relay: Relay;
  readonly #audiences = new Audiences("durable");
  readonly #directs = new Map<string, Set<DurableSubscription>>();
  readonly #atEnd = new Set<DurableSubscription>();
  readonly #locating = new Set<DurableSubscription>();
  readonly #tails = new Tails();
  readonly #catchUps: CatchUps;
  readonly #sweeps: Sweeps;
  readonly #times: TimeSearch;

  /** @param windowBytesMax what of the log is kept in memory */
  constructor(log: SharedLog, relay: Relay, windowBytesMax: number, retryBackoff = defaultRetryBackoff) {
    this.#log = log;
    this.#relay = relay;
    this.window = new LogWindow(windowBytesMax);
    const delivered = (count: number) => {
      relay.deliveredCount += count;
    };
    this.#catchUps = new CatchUps(this.window, this.#tails, {
      reachedEnd: (subscription) => this.#joinEnd(subscription),
      fellBehind: (subscription) => this.#locate(subscription),
      delivered,
    });
    this.#sweeps = new Sweeps(
      log,
      this.window,
      this.#tails,
      {
        arrived: (subscription, sequence) => this.#catchUps.add(subscription, sequence),
        parked: (subscription) => {
          subscription.state = { is: "parked", sequence: undefined };
        },
        delivered,
      },
      retryBackoff,
    );
    this.#times = new TimeSearch(log.read);
  }

  /** Subscriptions at the log's end, and those that are not there yet; readings of the log that serve these. */
  get atEndCount(): number {
    return this.#atEnd.size;
  }
  get catchingUpCount(): number {
    return this.#catchUps.count;
  }
  get sweepCount(): number {
    return this.#sweeps.count;
  }

  add(request: DurableRequest): DurableSubscription {
    const subscription = new DurableSubscription(request);
    this.#locate(subscription);
    return subscription;
  }

  /** @param isConnected Bun has forgotten the subscriptions of a socket that is closed */
  remove(subscription: DurableSubscription, isConnected: boolean): void {
    const { state } = subscription;
    subscription.state = { is: "ended" };
    switch (state.is) {
      case "locating":
        this.#locating.delete(subscription);
        break;
      case "sweeping":
        this.#sweeps.remove(subscription);
        break;
      case "catching up":
        this.#catchUps.remove(subscription);
        break;
      case "at the end":
        this.#leaveEnd(subscription, state.audience, isConnected);
        break;
    }
  }

  /** The client has read something of what was written to it. */
  drained(subscription: DurableSubscription): void {
    const { state } = subscription;
    if (state.is !== "parked" || !subscription.isRoomy) return;
    if (state.sequence === undefined || state.sequence < this.window.begin) this.#locate(subscription);
    else this.#catchUps.add(subscription, state.sequence);
  }

  /** The next record of the log. */
  logged(record: LogRecord): void {
    const isFirst = this.window.coversFrom === undefined;
    this.window.append(record);
    if (this.#atEnd.size > 0) this.#publish(record);
    this.#catchUps.wake();
    if (isFirst) this.#relocate();
  }

  marked(offset: number): void {
    this.window.reached(offset);
    this.#relocate();
  }

  /** What comes next does not follow on what came: whoever was at the end is told so, all others find out. */
  missed(): void {
    this.window.clear();
    for (const subscription of this.#catchUps.takeAll()) this.#locate(subscription);
    for (const subscription of [...this.#atEnd]) {
      const { state } = subscription;
      if (state.is === "at the end") this.#leaveEnd(subscription, state.audience, true);
      subscription.isBehindGap = true;
      subscription.place = "first";
      this.#catchUps.add(subscription, this.window.end);
    }
  }

  close(): void {
    this.#catchUps.close();
    this.#sweeps.close();
    this.#times.close();
  }

  #publish({ offset, exchange, messages }: LogRecord): void {
    for (const [index, message] of messages.entries()) {
      const position = positionText(offset, index, messages.length);
      if (exchange === "towsmanager" && message.clientId !== undefined) {
        this.#publishDirect(message, message.clientId, position);
        continue;
      }
      const route = this.#audiences.route(message.topic);
      if (route.length > 0) this.#relay.toStomp(route, message, message.id, { position });
    }
  }

  #publishDirect(message: Message, clientId: string, position: string): void {
    for (const subscription of this.#directs.get(clientId) ?? []) {
      subscription.add(this.#tails.of(message, position, subscription));
      subscription.flush();
      this.#relay.deliveredCount++;
    }
  }

  /** Finds out where its place is, and lets it go on from there. */
  #locate(subscription: DurableSubscription): void {
    const { coversFrom, last, end } = this.window;
    const { place } = subscription;
    this.#locating.delete(subscription);
    if (coversFrom === undefined) {
      this.#wait(subscription);
      return;
    }
    if (isPosition(place)) {
      const isNext = place.index === -1 && place.offset === last + 1;
      if (place.offset > last && !isNext) {
        this.#ask(subscription);
        return;
      }
      // Whoever has seen all of a record needs only those behind it.
      const from = place.index === Number.POSITIVE_INFINITY ? place.offset + 1 : place.offset;
      if (from >= coversFrom) this.#catchUps.add(subscription, this.window.sequenceOf(place.offset));
      else this.#sweeps.add(subscription);
    } else if (place === "first") this.#sweeps.add(subscription);
    else if (place === "next") {
      subscription.passed(last);
      this.#catchUps.add(subscription, end);
    } else if (place.timestamp > this.window.coversSince) this.#beginAtTime(subscription, place.timestamp);
    else {
      this.#search(subscription, place.timestamp);
      return;
    }
    subscription.inForce();
  }

  #wait(subscription: DurableSubscription): void {
    subscription.state = { is: "locating" };
    this.#locating.add(subscription);
  }

  #relocate(): void {
    for (const subscription of [...this.#locating]) if (!subscription.isAsking) this.#locate(subscription);
  }

  /**
   * Its place is beyond all that came so far. Either another manager is ahead of this one and what is missing is about to
   * come, or the place is of another log: how far the log reaches now tells which.
   */
  #ask(subscription: DurableSubscription): void {
    if (subscription.isMarked) {
      subscription.isBehindGap = true;
      subscription.place = "first";
      this.#locate(subscription);
      return;
    }
    this.#wait(subscription);
    subscription.isAsking = true;
    this.#log.mark((offset) => {
      this.window.reached(offset);
      subscription.isAsking = false;
      subscription.isMarked = true;
      if (subscription.state.is === "locating") this.#locate(subscription);
    });
  }

  #search(subscription: DurableSubscription, timestamp: number): void {
    this.#wait(subscription);
    subscription.isAsking = true;
    this.#times.find(timestamp, (found) => {
      subscription.isAsking = false;
      if (subscription.state.is !== "locating") return;
      if (found === "nothing kept") {
        this.#locating.delete(subscription);
        this.#beginAtTime(subscription, timestamp);
        subscription.inForce();
        return;
      }
      subscription.place = found.place;
      subscription.isBehindGap = found.isBehindGap;
      this.#locate(subscription);
    });
  }

  #beginAtTime(subscription: DurableSubscription, timestamp: number): void {
    const sequence = this.window.sequenceOfTime(timestamp);
    const before = this.window.at(sequence)?.offset ?? this.window.last + 1;
    subscription.place = { offset: before, index: -1 };
    this.#catchUps.add(subscription, sequence);
  }

  #joinEnd(subscription: DurableSubscription): void {
    const { pattern, subscriptionId, version, socket, clientId } = subscription;
    this.#atEnd.add(subscription);
    if (pattern === direct) {
      if (this.#directs.get(clientId)?.add(subscription) === undefined)
        this.#directs.set(clientId, new Set([subscription]));
      subscription.state = { is: "at the end", audience: undefined };
      return;
    }
    const audience = this.#audiences.join(pattern, subscriptionId, version);
    socket.subscribe(audience.key);
    subscription.state = { is: "at the end", audience };
  }

  #leaveEnd(
    subscription: DurableSubscription,
    audience: ReturnType<Audiences["join"]> | undefined,
    isConnected: boolean,
  ): void {
    this.#atEnd.delete(subscription);
    if (audience !== undefined) {
      if (isConnected) subscription.socket.unsubscribe(audience.key);
      this.#audiences.leave(audience);
      return;
    }
    const directs = this.#directs.get(subscription.clientId);
    directs?.delete(subscription);
    if (directs?.size === 0) this.#directs.delete(subscription.clientId);
  }
}
