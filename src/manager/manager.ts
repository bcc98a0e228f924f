import type { Broker } from "../broker/broker.ts";
import type { LogLevel } from "../control/control-options.ts";
import type { DeadLetters } from "../control/dead-letters.ts";
import { FatalError } from "../errors.ts";
import type { Auth } from "../gateway/auth/auth.ts";
import { Once } from "../gateway/fan-out/once.ts";
import { Gateway } from "../gateway/gateway.ts";
import type { ProtocolMaker } from "../gateway/protocols.ts";
import type { Readiness } from "../ops/http.ts";
import type { Logger } from "../ops/logger.ts";
import { LoopLag } from "../ops/loop-lag.ts";
import { LoopTime } from "../ops/loop-time.ts";
import type { MessageTrace } from "../ops/message-trace.ts";
import type { AnyMetric } from "../ops/metrics.ts";
import type { Tracing } from "../ops/tracing.ts";
import { defaultOutboxLimits } from "../outbox/limits.ts";
import { Outbox } from "../outbox/outbox.ts";
import { BusiestTopics } from "./busiest-topics.ts";
import { managerMetrics } from "./manager-metrics.ts";
import type { ManagerOptions } from "./manager-options.ts";
import { managerReadiness } from "./manager-readiness.ts";
import { Replies } from "./replies.ts";
import { Steering } from "./steering.ts";
import { Traced } from "./traced.ts";
import { uplinkTo } from "./uplink.ts";
import { WayBack } from "./way-back.ts";

/** How many answers of other programs a manager may hold unacknowledged. */
const repliesPrefetch = 1000;

/** What a manager is made with. */
export interface ManagerParts {
  readonly broker: Broker;
  readonly logger: Logger;
  readonly messageTrace: MessageTrace;
  /** Absent: clients need no token. */
  readonly auth?: Auth | undefined;
  /** Further metrics for `/metrics`. */
  readonly others?: () => readonly AnyMetric[];
  /** The protocols that clients may speak; all of them unless given. */
  readonly protocols?: readonly ProtocolMaker[] | undefined;
  /** Records spans; absent: none are recorded. */
  readonly tracing?: Tracing | undefined;
  /** Shares out the event loop's time. One of its own unless given. */
  readonly loop?: LoopTime;
}

/**
 * The manager: gateway → outbox → broker, and broker → feed → gateway.
 *
 * Its clients hear one another at once, whatever the broker is doing.
 */
export class Manager {
  readonly #parts: ManagerParts;
  readonly #logger: Logger;
  readonly #outbox: Outbox;
  readonly #steering: Steering;
  /** Answers of other programs for clients of other managers. */
  readonly #answers: Outbox;
  readonly #gateway: Gateway;
  readonly #wayBack: WayBack;
  readonly #lag = new LoopLag();
  /** Shares out the event loop's time among everything that takes long. */
  readonly #loop: LoopTime;
  readonly #busiest = new BusiestTopics();
  /** What `/metrics` shows of it besides its gateway. */
  readonly #metrics: readonly AnyMetric[];
  #isStopping = false;
  /**
   * Called when the control API asks for a stop. The clients have to leave over this time first, in milliseconds. Returns the time that
   * they have: less, if another stop was asked for that ends earlier.
   */
  onDrain: (overMs: number) => number = (overMs) => overMs;
  /** Gives the control API access to dead letters; undefined where the broker keeps none. */
  deadLetters: DeadLetters | undefined;
  /** The level of this process's logger, for the control API. */
  logLevel: LogLevel = { level: "info", changeLevel: () => undefined };

  /** @param id unique to this process: by it other managers recognize this one's messages */
  constructor(id: string, options: ManagerOptions, parts: ManagerParts) {
    const { broker, logger, messageTrace, tracing, loop = new LoopTime() } = parts;
    this.#parts = parts;
    this.#loop = loop;
    this.#logger = logger;
    this.#outbox = this.#outboxOf(id, options);
    this.#answers = this.#outboxOf(`${id}-replies`, options);
    const keys = { windowMs: options.idempotencyWindowMs, bytesMax: options.idempotencyMaxBytes };
    const once = new Once(keys, Date.now, this.#loop);
    this.#wayBack = new WayBack(broker, once, recordBytesMaxOf(options), logger);
    this.#steering = this.#steeringOf(id);
    this.#gateway = this.#gatewayOf(options, once);
    this.#outbox.level.onLowWatermark = () => this.#gateway.releaseBackpressure();
    this.#outbox.level.onProgress = () => this.#gateway.recheckShares();
    broker.attachPublisher("wsmanager", this.#outbox);
    const replies = new Replies(
      this.#answers,
      (message, asker) => this.#gateway.answer(message, asker),
      logger,
    );
    broker.attachPublisher("towsmanager", this.#answers);
    broker.attachReplyConsumer(repliesPrefetch, replies);
    this.#wayBack.attachTo(this.#gateway, id, messageTrace, tracing);
    this.#metrics = managerMetrics({
      broker,
      outbox: this.#outbox,
      busiest: this.#busiest,
      wayBack: this.#wayBack,
      replies,
      loopLag: this.#lag,
      steering: this.#steering,
    });
  }

  #steeringOf(id: string): Steering {
    const { broker, logger, auth } = this.#parts;
    return new Steering(id, broker, logger, auth, {
      gateway: () => this.#gateway,
      readiness: () => this.#readiness,
      waitingBytes: () => this.#outbox.level.bytes,
      drain: (overMs) => {
        this.#isStopping = true;
        return this.onDrain(overMs);
      },
      level: () => this.logLevel,
    });
  }

  #gatewayOf(options: ManagerOptions, once: Once): Gateway {
    const { logger, messageTrace, auth, tracing, others, protocols } = this.#parts;
    const steering = this.#steering;
    const isTraced = tracing !== undefined || options.traceSample > 0;
    const traced = isTraced ? new Traced(tracing, options.traceSample) : undefined;
    return new Gateway(
      {
        ...options,
        auth,
        logger,
        readiness: () => this.#readiness,
        metrics: () => [...this.#metrics, ...(others?.() ?? [])],
        announcements: steering.announcements,
        presence: steering.presence,
        adminRoutes: steering.adminRoutes(options, {
          answers: this.#answers,
          once,
          deadLetters: () => this.deadLetters,
        }),
        once,
        loop: this.#loop,
        onAskerLeft: (asker) => steering.askerLeft(asker),
        uplink: uplinkTo(this.#outbox, messageTrace, this.#busiest, traced),
        sharedLog: this.#wayBack.sharedLog,
      },
      protocols,
    );
  }

  get #readiness(): Readiness {
    const { auth, broker } = this.#parts;
    return managerReadiness(auth, this.#wayBack.past, broker, this.#outbox, this.#isStopping);
  }

  /**
   * Starts to serve clients, whether or not the broker can be reached.
   *
   * @throws FatalError if it cannot listen
   */
  listen(): URL {
    return this.#gateway.listen();
  }

  /** Has the clients leave evenly over this time, in milliseconds. Call it before `drain`. */
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

  /** Reads the certificate and the keys from their files again. A file that cannot be used is reported and changes nothing. */
  async reload(): Promise<void> {
    if (await this.#parts.auth?.reload(this.#logger)) this.#logger.info("the keys were read again");
    try {
      if (this.#gateway.renewCertificate()) this.#logger.info("the certificate was read again");
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
      this.#logger.error("certificate rejected, keeping the previous one", {
        reason: error.message,
      });
    }
  }

  /**
   * Stops reading from clients, handles what was read, and waits until the broker has confirmed all of it, for at most `timeoutMs`. Returns
   * true if everything was confirmed in time.
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

  /** Closes the clients and the port, within about `timeoutMs`. Call it after `drain`. */
  async close(timeoutMs?: number): Promise<void> {
    await this.#gateway.close(timeoutMs);
    await this.#steering.close(timeoutMs);
    this.#outbox.close();
    this.#answers.close();
    this.#wayBack.close();
    this.#lag.close();
  }

  #outboxOf(name: string, { outboxMaxBytes: bytesMax }: ManagerOptions): Outbox {
    const outbox = new Outbox(name, true, { bytesMax });
    outbox.onSetAside = (message) => this.#logger.error("message set aside", { ...message });
    return outbox;
  }
}

/**
 * The largest record that clients get. A manager has to deliver whatever it accepts and packs itself, even if `clientBufferBytes` is
 * smaller. In bytes.
 */
function recordBytesMaxOf({ clientBufferBytes, maxMessageBytes }: ManagerOptions): number {
  return Math.max(clientBufferBytes, maxMessageBytes, defaultOutboxLimits.packBytesMax);
}
