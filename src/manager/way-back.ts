import type { Broker } from "../broker/broker.ts";
import type { SharedLog } from "../gateway/durable/shared-log.ts";
import type { Once } from "../gateway/fan-out/once.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { countAddressed } from "../log/addressed.ts";
import { Feed } from "../log/feed.ts";
import { KnownRepeats } from "../log/known-repeats.ts";
import { LogLag } from "../log/log-lag.ts";
import { Repeats } from "../log/repeats.ts";
import { SkippedRecords } from "../log/skipped-records.ts";
import type { Logger } from "../ops/logger.ts";
import type { MessageTrace } from "../ops/message-trace.ts";
import type { Tracing } from "../ops/tracing.ts";
import { PastAtStart } from "./past-at-start.ts";
import { tracedSink } from "./traced.ts";

/** The way back of messages: from the broker's log to this manager's gateway. */
export class WayBack {
  /** Counts the records that no client could get. */
  readonly skipped: SkippedRecords;
  /** Recognizes messages that are in the log more than once. */
  readonly repeats: Repeats;
  /** Counts messages that are addressed to one client. */
  readonly addressed = countAddressed();
  readonly past: PastAtStart;
  /** Measures how far this manager lags behind the log's end; undefined if there is no log. */
  readonly lag: LogLag | undefined;
  /** The broker's log, for subscriptions that read it; undefined if there is none. */
  readonly sharedLog: SharedLog | undefined;
  readonly #broker: Broker;
  readonly #once: Once;
  readonly #recordBytesMax: number;
  readonly #logger: Logger;

  /**
   * @param once learns the idempotency keys from the log
   * @param recordBytesMax larger records are not for clients
   */
  constructor(broker: Broker, once: Once, recordBytesMax: number, logger: Logger) {
    this.#broker = broker;
    this.#once = once;
    this.#recordBytesMax = recordBytesMax;
    this.#logger = logger;
    const known = new KnownRepeats();
    this.skipped = new SkippedRecords(logger);
    this.repeats = new Repeats(known);
    this.past = new PastAtStart(broker, once, this.repeats, recordBytesMax, logger);
    this.lag = broker.hasLog ? new LogLag((then) => broker.mark(then)) : undefined;
    this.sharedLog = broker.hasLog ? this.#sharedLogWith(known) : undefined;
  }

  /**
   * Delivers what comes by the log to this gateway, as soon as the broker has started.
   *
   * @param id the manager's: its clients have already got what it published itself
   * @param tracing records spans; undefined: none are recorded
   */
  attachTo(gateway: Gateway, id: string, messageTrace: MessageTrace, tracing: Tracing | undefined): void {
    const { past, lag } = this;
    const sink = tracedSink(gateway, tracing);
    const feed = new Feed(
      id,
      sink,
      this.#logger,
      messageTrace,
      this.skipped,
      this.#recordBytesMax,
      this.repeats,
      gateway.loop,
    );
    feed.keys = this.#once;
    feed.addressed = this.addressed;
    feed.onMarked = (offset) => past.reached(offset);
    feed.onAnotherLog = () => past.anotherLog();
    if (!past.isKnown) feed.hold();
    past.onLate = () => feed.resume();
    past.onKnown = () => {
      feed.resume();
      gateway.startDurables();
    };
    if (lag !== undefined) feed.onForwarded = (ms) => lag.forwarded(ms);
    this.#broker.attachFollower(feed);
  }

  close(): void {
    this.past.close();
  }

  #sharedLogWith(repeats: KnownRepeats): SharedLog {
    const broker = this.#broker;
    return {
      read: (start, reader) => broker.read(start, reader),
      mark: (then) => broker.mark(then),
      recordBytesMax: this.#recordBytesMax,
      repeats,
      isPastKnown: () => this.past.isKnown,
    };
  }
}
