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

/** Answers of other programs that a manager holds. */
const repliesPrefetch = 1000;

/** What a manager is made with. */
export interface ManagerParts {
  readonly broker: Broker;
  readonly logger: Logger;
  readonly messageTrace: MessageTrace;
  /** Absent: clients need no token. */
  readonly auth?: Auth | undefined;
  /** What `/metrics` shows besides. */
  readonly others?: () => readonly AnyMetric[];
  /** What clients may speak; all that there is unless given. */
  readonly protocols?: readonly ProtocolMaker[] | undefined;
  /** Where spans go; absent: nowhere. */
  readonly tracing?: Tracing | undefined;
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
  readonly #busiest = new BusiestTopics();
  /** What `/metrics` shows of it besides its gateway. */
  readonly #metrics: readonly AnyMetric[];
  #isStopping = false;
  /** Called when the control API asks for a stop: after the clients have left over a time, in milliseconds. */
  onDrain: (overMs: number) => void = () => undefined;
  /** What the control API reaches dead letters by; undefined where the broker keeps none. */
  deadLetters: DeadLetters | undefined;
  /** The level of this process's logger, for the control API. */
  logLevel: LogLevel = { level: "info", changeLevel: () => undefined };

  /** @param id unique to this process: other managers tell its messages from theirs by it */
  constructor(id: string, options: ManagerOptions, parts: ManagerParts) {
    const { broker, logger, messageTrace, tracing } = parts;
    this.#parts = parts;
    this.#logger = logger;
    this.#outbox = this.#outboxOf(id, options);
    this.#answers = this.#outboxOf(`${id}-replies`, options);
    const once = new Once({ windowMs: options.idempotencyWindowMs, bytesMax: options.idempotencyMaxBytes });
    this.#wayBack = new WayBack(broker, once, recordBytesMaxOf(options), logger);
    this.#steering = this.#steeringOf(id);
    this.#gateway = this.#gatewayOf(options, once);
    this.#outbox.level.onRelieved = () => this.#gateway.relieve();
    this.#outbox.level.onLightened = () => this.#gateway.lighten();
    broker.attachPublisher("wsmanager", this.#outbox);
    const replies = new Replies(
      this.#answers,
      (message, asker) => this.#gateway.answer(message, asker),
      logger,
    );
    broker.attachPublisher("towsmanager", this.#answers);
    broker.attachReplyConsumer(repliesPrefetch, replies);
    this.#wayBack.leadTo(this.#gateway, id, messageTrace, tracing);
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
        this.onDrain(overMs);
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
    await this.#parts.auth?.reload(this.#logger);
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
    this.#wayBack.close();
    this.#lag.close();
  }

  #outboxOf(name: string, { outboxMaxBytes: bytesMax }: ManagerOptions): Outbox {
    const outbox = new Outbox(name, true, { bytesMax });
    outbox.onSetAside = (message) => this.#logger.error("message set aside", { ...message });
    return outbox;
  }
}

/** What this manager takes and packs itself it has to hand out, however little may wait for a client. In bytes. */
function recordBytesMaxOf({ clientBufferBytes, maxMessageBytes }: ManagerOptions): number {
  return Math.max(clientBufferBytes, maxMessageBytes, defaultOutboxLimits.packBytesMax);
}
