import type { Broker } from "../broker/broker.ts";
import type { LogLevel } from "../control/control-options.ts";
import type { DeadLetters } from "../control/dead-letters.ts";
import { FatalError } from "../errors.ts";
import type { Auth } from "../gateway/auth/auth.ts";
import { Once } from "../gateway/fan-out/once.ts";
import { Gateway } from "../gateway/gateway.ts";
import { protocols as allProtocols, type ProtocolMaker } from "../gateway/protocols.ts";
import { Feed } from "../log/feed.ts";
import { KnownRepeats } from "../log/known-repeats.ts";
import { LogLag } from "../log/log-lag.ts";
import { Repeats } from "../log/repeats.ts";
import { SkippedRecords } from "../log/skipped-records.ts";
import type { Logger } from "../ops/logger.ts";
import { LoopLag } from "../ops/loop-lag.ts";
import type { MessageTrace } from "../ops/message-trace.ts";
import type { AnyMetric } from "../ops/metrics.ts";
import type { Tracing } from "../ops/tracing.ts";
import { defaultOutboxLimits } from "../outbox/limits.ts";
import { Outbox } from "../outbox/outbox.ts";
import { BusiestTopics } from "./busiest-topics.ts";
import { managerMetrics } from "./manager-metrics.ts";
import type { ManagerOptions } from "./manager-options.ts";
import { managerReadiness } from "./manager-readiness.ts";
import { PastAtStart } from "./past-at-start.ts";
import { Replies } from "./replies.ts";
import { Steering } from "./steering.ts";
import { Traced, tracedSink } from "./traced.ts";
import { sharedLogOf, uplinkTo } from "./uplink.ts";

/** Answers of other programs that a manager holds. */
const repliesPrefetch = 1000;

/**
 * The manager: gateway → outbox → broker, and broker → feed → gateway.
 *
 * Its clients hear one another at once, whatever the broker is doing.
 */
export class Manager {
  readonly #logger: Logger;
  readonly #outbox: Outbox;
  readonly #steering: Steering;
  /** Answers of other programs for clients of other managers. */
  readonly #answers: Outbox;
  readonly #gateway: Gateway;
  readonly #auth: Auth | undefined;
  readonly #past: PastAtStart;
  readonly #lag = new LoopLag();
  #isStopping = false;
  /** Called when the control API asks for a stop: after the clients have left over a time, in milliseconds. */
  onDrain: (overMs: number) => void = () => undefined;
  /** For the control API; undefined where the broker keeps none. */
  deadLetters: DeadLetters | undefined;
  /** The level of this process's logger, for the control API. */
  logLevel: LogLevel = { level: "info", changeLevel: () => undefined };

  /**
   * @param id unique to this process: other managers tell its messages from theirs by it
   * @param auth undefined: clients need no token
   * @param others what `/metrics` shows besides
   * @param protocols what clients may speak
   * @param tracing where spans go; undefined: nowhere
   */
  constructor(
    id: string,
    options: ManagerOptions,
    broker: Broker,
    logger: Logger,
    messageTrace: MessageTrace,
    auth?: Auth,
    others: () => readonly AnyMetric[] = () => [],
    protocols: readonly ProtocolMaker[] = allProtocols,
    tracing?: Tracing,
  ) {
    this.#logger = logger;
    this.#auth = auth;
    // What this manager takes and packs itself it has to hand out, however little may wait for a client.
    const recordBytesMax = Math.max(
      options.clientBufferBytes,
      options.maxMessageBytes,
      defaultOutboxLimits.packBytesMax,
    );
    const outbox = this.#outboxOf(id, options);
    const answers = this.#outboxOf(`${id}-replies`, options);
    const once = new Once({ windowMs: options.idempotencyWindowMs, bytesMax: options.idempotencyMaxBytes });
    const known = new KnownRepeats();
    const repeats = new Repeats(known);
    const past = new PastAtStart(broker, once, repeats, recordBytesMax, logger);
    const readiness = () => managerReadiness(auth, past, broker, outbox, this.#isStopping);
    const waitingBytes = () => outbox.level.bytes;
    const steering = new Steering(id, broker, logger, auth, {
      gateway: () => gateway,
      readiness,
      waitingBytes,
      drain: (overMs) => {
        this.#isStopping = true;
        this.onDrain(overMs);
      },
      level: () => this.logLevel,
    });
    const busiest = new BusiestTopics();
    const isTraced = tracing !== undefined || options.traceSample > 0;
    const traced = isTraced ? new Traced(tracing, options.traceSample) : undefined;
    const gateway = new Gateway(
      {
        ...options,
        auth,
        logger,
        readiness,
        metrics: () => [...ownMetrics, ...others()],
        announcements: steering.announcements,
        presence: steering.presence,
        adminRoutes: steering.adminRoutes(options, {
          answers,
          once,
          deadLetters: () => this.deadLetters,
        }),
        once,
        onAskerLeft: (asker) => steering.askerLeft(asker),
        uplink: uplinkTo(outbox, messageTrace, busiest, traced),
        sharedLog: sharedLogOf(broker, recordBytesMax, known, past),
      },
      protocols,
    );
    outbox.level.onRelieved = () => gateway.relieve();
    outbox.level.onLightened = () => gateway.lighten();
    broker.attachPublisher("wsmanager", outbox);
    const replies = new Replies(answers, (message, asker) => gateway.answer(message, asker), logger);
    broker.attachPublisher("towsmanager", answers);
    broker.attachReplyConsumer(repliesPrefetch, replies);
    const skipped = new SkippedRecords(logger);
    const sink = tracedSink(gateway, tracing);
    const feed = new Feed(id, sink, logger, messageTrace, skipped, recordBytesMax, repeats);
    feed.keys = once;
    feed.onMarked = (offset) => past.reached(offset);
    feed.onAnotherLog = () => past.anotherLog();
    if (!past.isKnown) feed.hold();
    past.onLate = () => feed.goOn();
    past.onKnown = () => {
      feed.goOn();
      gateway.pastIsKnown();
    };
    const lag = broker.hasLog ? new LogLag((then) => broker.mark(then)) : undefined;
    if (lag !== undefined) feed.onHandedOn = (ms) => lag.handedOn(ms);
    const ownMetrics = managerMetrics({
      broker,
      outbox,
      busiest,
      skipped,
      replies,
      repeats,
      lags: [this.#lag, ...(lag === undefined ? [] : [lag])],
      steering,
    });
    broker.attachFollower(feed);
    this.#outbox = outbox;
    this.#answers = answers;
    this.#past = past;
    this.#steering = steering;
    this.#gateway = gateway;
  }

  /**
   * Starts to serve clients, whether the broker is there or not.
   *
   * @throws FatalError if it cannot listen
   */
  listen(): URL {
    return this.#gateway.listen();
  }

  /** Has the clients leave evenly over a time, in milliseconds. Before `drain`. */
  async leave(overMs: number): Promise<void> {
    this.#isStopping = true;
    await this.#gateway.leave(overMs);
  }

  /** All that `/metrics` shows. */
  get metrics(): readonly AnyMetric[] {
    return this.#gateway.metrics;
  }

  get adminUrl(): URL | undefined {
    return this.#gateway.adminUrl;
  }

  /** Reads the files of its certificate and its keys again. What cannot be used changes nothing, and is reported. */
  async reload(): Promise<void> {
    await this.#auth?.reload(this.#logger);
    try {
      this.#gateway.renewCertificate();
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
      this.#logger.error("certificate rejected, keeping the previous one", {
        reason: error.message,
      });
      return;
    }
    this.#logger.info("certificate and keys were read again");
  }

  /**
   * Reads no more, obeys what it has read, and waits for the broker to confirm all of it: up to `timeoutMs` in all. True if that
   * was time enough.
   */
  async drain(timeoutMs: number): Promise<boolean> {
    this.#isStopping = true;
    const deadlineMs = performance.now() + timeoutMs;
    const isObeyed = await this.#gateway.stopReading(timeoutMs);
    if (!isObeyed) this.#logger.error("stopped before everything that clients had sent was handled");
    const isDrained = await this.#outbox.drain(Math.max(0, deadlineMs - performance.now()));
    if (!isDrained) {
      this.#logger.error("stopped before the broker confirmed everything", {
        bytesLost: this.#outbox.level.bytes,
      });
    }
    return isObeyed && isDrained;
  }

  /** Closes the clients and the port, within about `timeoutMs`. After `drain`. */
  async close(timeoutMs?: number): Promise<void> {
    await this.#gateway.close(timeoutMs);
    await this.#steering.close(timeoutMs);
    this.#outbox.close();
    this.#answers.close();
    this.#past.close();
    this.#lag.close();
  }

  #outboxOf(name: string, { outboxMaxBytes: bytesMax }: ManagerOptions): Outbox {
    const outbox = new Outbox(name, true, { bytesMax });
    outbox.onSetAside = (message) => this.#logger.error("message set aside", { ...message });
    return outbox;
  }
}
