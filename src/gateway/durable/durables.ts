import type { Missed } from "../../broker/broker.ts";
import type { LogRecord } from "../../log/record.ts";
import { LogWindow } from "../../log/window.ts";
import type { ClientSocket } from "../clients/client.ts";
import type { Relay } from "../fan-out/relay.ts";
import { Locator } from "./locator.ts";
import { LogEnd } from "./log-end.ts";
import { Outflow, plainOutlet } from "./outflow.ts";
import type { SharedLog } from "./shared-log.ts";
import { Slices } from "./slices.ts";
import { type DurableRequest, DurableSubscription, isPosition } from "./subscription.ts";
import { defaultRetryBackoff, Sweeps } from "./sweeps.ts";
import { Walks } from "./walks.ts";

/**
 * Everybody's durable subscriptions: each gets the log in its order, from where it was told to begin.
 *
 * | a subscription is | while | kept by | then |
 * |---|---|---|---|
 * | locating | it is not known where its place is | `Locator` | sweeping or catching up |
 * | sweeping | its place is older than what is in memory | `Sweeps` | catching up, or parked |
 * | catching up | it reads what is in memory | `Walks` | at the end, or parked |
 * | parked | its client has to read first | `#parked` | catching up or locating, when the client has |
 * | at the end | it has all that there is | `LogEnd` | what comes is published to it |
 * | ended | | nobody | |
 *
 * From catching up it gets to the end within one turn of the event loop, so that nothing comes between the last record that it
 * has read and the first that is published to it. When the log misses some, or begins anew, each of them begins anew in turn:
 * see `missed`.
 */
export class Durables {
  readonly window: LogWindow;
  readonly #locator: Locator;
  readonly #slices = new Slices();
  readonly #walks: Walks;
  readonly #sweeps: Sweeps;
  readonly #end: LogEnd;
  readonly #parked = new Set<DurableSubscription>();
  readonly #outflowTo: (socket: ClientSocket) => Outflow;

  /** @param windowBytesMax what of the log is kept in memory */
  constructor(
    log: SharedLog,
    relay: Relay,
    windowBytesMax: number,
    retryBackoff = defaultRetryBackoff,
    outlet = plainOutlet,
  ) {
    this.#outflowTo = outflowsTo(outlet, (subscription) => {
      this.drained(subscription);
      // Another one may have taken the room again.
      if (subscription.state.is === "parked") subscription.awaitRoom();
    });
    const delivered = (count: number) => relay.delivered(count);
    this.window = new LogWindow(windowBytesMax);
    this.#end = new LogEnd(relay, (subscription) => this.fallBehind(subscription));
    this.#locator = new Locator(log, this.window, {
      inMemory: (subscription, sequence) => this.#catchUp(subscription, sequence),
      older: (subscription) => this.#sweeps.add(subscription),
    });
    this.#walks = new Walks(this.window, this.#slices, {
      reachedEnd: (subscription) => this.#end.join(subscription),
      fellBehind: (subscription) => this.#locator.locate(subscription),
      parked: (subscription, sequence) => this.#park(subscription, sequence),
      delivered,
    });
    const sweepsEvents = {
      arrived: (subscription: DurableSubscription, sequence: number) => this.#catchUp(subscription, sequence),
      parked: (subscription: DurableSubscription) => this.#park(subscription, undefined),
      cutOff: (subscription: DurableSubscription) => this.#locator.locate(subscription),
      delivered,
    };
    this.#sweeps = new Sweeps(log, this.window, this.#slices, sweepsEvents, retryBackoff);
  }

  /** How many there are in each state. */
  get counts() {
    return {
      atEnd: this.#end.count,
      catchingUp: this.#walks.count,
      sweeping: this.#sweeps.subscriptionCount,
      parked: this.#parked.size,
      locating: this.#locator.count,
    };
  }

  /** Readings of the log that serve those that sweep. */
  get readingCount(): number {
    return this.#sweeps.count;
  }

  add(request: DurableRequest): DurableSubscription {
    const subscription = new DurableSubscription(request, this.#outflowTo(request.socket));
    this.#locator.locate(subscription);
    return subscription;
  }

  /** @param isConnected Bun has forgotten the subscriptions of a socket that is closed */
  remove(subscription: DurableSubscription, isConnected: boolean): void {
    const { state } = subscription;
    subscription.end();
    switch (state.is) {
      case "locating":
        this.#locator.forget(subscription);
        break;
      case "sweeping":
        this.#sweeps.remove(subscription, state.sweep);
        break;
      case "catching up":
        state.members.remove(subscription);
        break;
      case "parked":
        this.#parked.delete(subscription);
        break;
      case "at the end":
        this.#end.leave(subscription, state.audience, isConnected);
        break;
    }
  }

  /**
   * Its client reads too slowly for the log's end, where Bun publishes to it whether it reads or not: it goes on from the log
   * when there is room again.
   */
  fallBehind(subscription: DurableSubscription): void {
    const { state } = subscription;
    if (state.is !== "at the end") return;
    this.#end.leaveAtPlace(subscription, state.audience, this.window.last);
    this.#park(subscription, undefined);
  }

  /** The client has read something of what was written to it. */
  drained(subscription: DurableSubscription): void {
    const { state } = subscription;
    if (state.is !== "parked" || !subscription.isRoomy) return;
    this.#parked.delete(subscription);
    const { sequence } = state;
    if (sequence === undefined || sequence < this.window.begin) this.#locator.locate(subscription);
    else this.#catchUp(subscription, sequence);
  }

  /** The next record of the log. */
  logged(record: LogRecord): void {
    const isFirst = this.window.coversFrom === undefined;
    this.window.append(record);
    this.#end.publish(record);
    this.#walks.wake();
    if (isFirst) this.#locator.retry();
  }

  marked(offset: number): void {
    this.window.reached(offset);
    this.#locator.retry();
  }

  /**
   * What comes next does not follow on what came. Where some were dropped, those at the end are told so with what comes next, and
   * all others find out for themselves. Where it is another log, nothing that any of them knows of the old one means anything:
   * whoever had a place in it is told of the gap, and gets all of the new one.
   */
  missed(why: Missed): void {
    const { last } = this.window;
    this.window.clear();
    const atEnd = this.#end.takeAll();
    const behind = this.#walks.takeAll();
    for (const subscription of atEnd) {
      subscription.passed(last);
      subscription.isBehindGap = true;
    }
    if (why === "another log") this.#locator.restart();
    if (why === "another log")
      this.#beginAnew([...atEnd, ...behind, ...this.#sweeps.takeAll(), ...this.#locator.takePlaced()]);
    else {
      for (const subscription of behind) this.#locator.locate(subscription);
      for (const subscription of atEnd) this.#walks.add(subscription, this.window.end);
    }
    // The number that a parked one goes on with may be that of what comes next.
    for (const subscription of this.#parked) {
      if (why === "another log") this.#locator.restart();
      if (why === "another log") forgetPlace(subscription);
      subscription.state = { is: "parked", sequence: undefined };
    }
  }

  close(): void {
    this.#slices.close();
    this.#sweeps.close();
    this.#locator.close();
  }

  #beginAnew(subscriptions: readonly DurableSubscription[]): void {
    for (const subscription of subscriptions) {
      forgetPlace(subscription);
      this.#walks.add(subscription, this.window.end);
      subscription.inForce();
    }
  }

  #catchUp(subscription: DurableSubscription, sequence: number): void {
    // Most begin with what comes from now on.
    if (sequence === this.window.end && !subscription.isBehindGap && subscription.isRoomy)
      this.#end.join(subscription);
    else this.#walks.add(subscription, sequence);
  }

  #park(subscription: DurableSubscription, sequence: number | undefined): void {
    subscription.state = { is: "parked", sequence };
    this.#parked.add(subscription);
    subscription.awaitRoom();
  }
}

/** Its place was in another log. */
function forgetPlace(subscription: DurableSubscription): void {
  if (isPosition(subscription.place)) subscription.isBehindGap = true;
  subscription.place = "first";
}

/** Each client's, shared by its subscriptions. */
function outflowsTo(
  outlet: typeof plainOutlet,
  onRoom: (subscription: DurableSubscription) => void,
): (socket: ClientSocket) => Outflow {
  const outflows = new WeakMap<ClientSocket, Outflow>();
  return (socket) => {
    const known = outflows.get(socket);
    if (known !== undefined) return known;
    const outflow = new Outflow(socket, outlet, onRoom);
    outflows.set(socket, outflow);
    return outflow;
  };
}
