import type { LogRecord } from "../../../log/record.ts";
import { LogWindow } from "../../../log/window.ts";
import type { ClientSocket } from "../../client.ts";
import type { Relay } from "../../relay.ts";
import { CatchUps } from "./catch-ups.ts";
import { Locator } from "./locator.ts";
import { LogEnd } from "./log-end.ts";
import { Outflow, type Outlet, plainOutlet } from "./outflow.ts";
import type { SharedLog } from "./shared-log.ts";
import { type DurableRequest, DurableSubscription } from "./subscription.ts";
import { defaultRetryBackoff, Sweeps } from "./sweeps.ts";
import { Tails } from "./tails.ts";

/**
 * Everybody's durable subscriptions: each gets the log in its order, from where it was told to begin.
 *
 * `locator.ts` finds out where that is. Those behind read what is in memory (`catch-ups.ts`), and those further behind share a
 * few readings of the log (`sweeps.ts`), until each has reached the log's end, where the many are (`log-end.ts`). It gets there
 * within one turn of the event loop, so that nothing comes between the last record that it has read and the first that is
 * published to it.
 */
export class Durables {
  readonly window: LogWindow;
  readonly #locator: Locator;
  readonly #catchUps: CatchUps;
  readonly #sweeps: Sweeps;
  readonly #end: LogEnd;
  readonly #outflows = new WeakMap<ClientSocket, Outflow>();
  readonly #outlet: Outlet;

  /** @param windowBytesMax what of the log is kept in memory */
  constructor(
    log: SharedLog,
    relay: Relay,
    windowBytesMax: number,
    retryBackoff = defaultRetryBackoff,
    outlet = plainOutlet,
  ) {
    this.#outlet = outlet;
    const tails = new Tails();
    const delivered = (count: number) => {
      relay.deliveredCount += count;
    };
    this.window = new LogWindow(windowBytesMax);
    this.#end = new LogEnd(relay, tails, (subscription) => this.fallBehind(subscription));
    this.#locator = new Locator(log, this.window, {
      inMemory: (subscription, sequence) => this.#catchUps.add(subscription, sequence),
      older: (subscription) => this.#sweeps.add(subscription),
    });
    this.#catchUps = new CatchUps(this.window, tails, {
      reachedEnd: (subscription) => this.#end.join(subscription),
      fellBehind: (subscription) => this.#locator.locate(subscription),
      delivered,
    });
    const sweepEvents = {
      arrived: (subscription: DurableSubscription, sequence: number) =>
        this.#catchUps.add(subscription, sequence),
      parked: (subscription: DurableSubscription) => {
        subscription.state = { is: "parked", sequence: undefined };
      },
      delivered,
    };
    this.#sweeps = new Sweeps(log, this.window, tails, sweepEvents, retryBackoff);
  }

  /** Subscriptions at the log's end, and those that are not there yet; readings of the log that serve these. */
  get atEndCount(): number {
    return this.#end.count;
  }
  get catchingUpCount(): number {
    return this.#catchUps.count;
  }
  get sweepCount(): number {
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
        this.#sweeps.remove(subscription);
        break;
      case "catching up":
        this.#catchUps.remove(subscription);
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
    subscription.state = { is: "parked", sequence: undefined };
  }

  /** The client has read something of what was written to it. */
  drained(subscription: DurableSubscription): void {
    const { state } = subscription;
    if (state.is !== "parked" || !subscription.isRoomy) return;
    if (state.sequence === undefined || state.sequence < this.window.begin)
      this.#locator.locate(subscription);
    else this.#catchUps.add(subscription, state.sequence);
  }

  /** The next record of the log. */
  logged(record: LogRecord): void {
    const isFirst = this.window.coversFrom === undefined;
    this.window.append(record);
    this.#end.publish(record);
    this.#catchUps.wake();
    if (isFirst) this.#locator.retry();
  }

  marked(offset: number): void {
    this.window.reached(offset);
    this.#locator.retry();
  }

  /** What comes next does not follow on what came: whoever was at the end is told so, all others find out. */
  missed(): void {
    this.window.clear();
    for (const subscription of this.#catchUps.takeAll()) this.#locator.locate(subscription);
    for (const subscription of this.#end.takeAll()) {
      subscription.isBehindGap = true;
      subscription.place = "first";
      this.#catchUps.add(subscription, this.window.end);
    }
  }

  #outflowTo(socket: ClientSocket): Outflow {
    const known = this.#outflows.get(socket);
    if (known !== undefined) return known;
    const outflow = new Outflow(socket, this.#outlet);
    this.#outflows.set(socket, outflow);
    return outflow;
  }

  close(): void {
    this.#catchUps.close();
    this.#sweeps.close();
    this.#locator.close();
  }
}
