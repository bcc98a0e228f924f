import type { Broker } from "../broker/broker.ts";
import type { LogLevel } from "../control/api.ts";
import type { DeadLetters } from "../control/dead-letters.ts";
import { Desk } from "../control/desk.ts";
import { FatalError } from "../errors.ts";
import type { Attendee } from "../events/attendance.ts";
import { Events } from "../events/events.ts";
import type { Auth } from "../gateway/auth/auth.ts";
import { nobodyTold } from "../gateway/clients/announcements.ts";
import { Once } from "../gateway/fan-out/once.ts";
import { Gateway } from "../gateway/gateway.ts";
import type { GatewayOptions } from "../gateway/gateway-options.ts";
import { protocols as allProtocols, type ProtocolMaker } from "../gateway/protocols.ts";
import { Feed } from "../log/feed.ts";
import { LogLag } from "../log/log-lag.ts";
import { SkippedRecords } from "../log/skipped-records.ts";
import type { Logger } from "../ops/logger.ts";
import { LoopLag } from "../ops/loop-lag.ts";
import type { MessageTrace } from "../ops/message-trace.ts";
import type { AnyMetric } from "../ops/metrics.ts";
import { Notices } from "../ops/notices.ts";
import type { Tracing } from "../ops/tracing.ts";
import { defaultOutboxLimits } from "../outbox/limits.ts";
import { Outbox } from "../outbox/outbox.ts";
import type { Presence } from "../presence/presence.ts";
import { BusiestTopics } from "./busiest-topics.ts";
import { adminRoutesFor, aloneOr, clienteleOf } from "./control.ts";
import { KeysAtStart } from "./keys-at-start.ts";
import { Leavers } from "./leavers.ts";
import { managerMetrics } from "./manager-metrics.ts";
import type { ManagerOptions } from "./manager-options.ts";
import { managerReadiness } from "./manager-readiness.ts";
import { presenceOf, toldOf } from "./presence.ts";
import { Replies } from "./replies.ts";
import { Revoking } from "./revoking.ts";
import { Traced, tracedSink } from "./traced.ts";
import { uplinkTo } from "./uplink.ts";

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
  readonly #events: Events | undefined;
  readonly #presence: Presence | undefined;
  readonly #revoking: Revoking | undefined;
  /** Answers of other programs for clients of other managers. */
  readonly #answers: Outbox;
  readonly #gateway: Gateway;
  readonly #auth: Auth | undefined;
  readonly #leavers: Leavers;
  readonly #keysAtStart: KeysAtStart;
  readonly #lag = new LoopLag();
  #apiRefusedCount = 0;
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
    // What this manager takes and packs itself it has to hand out, however little may wait for a client.
    const recordBytesMax = Math.max(
      options.clientBufferBytes,
      options.maxMessageBytes,
      defaultOutboxLimits.packBytesMax,
    );
    const skipped = new SkippedRecords(logger);
    const outbox = new Outbox(id, true, { bytesMax: options.outboxMaxBytes });
    const busiest = new BusiestTopics();
    const isTraced = tracing !== undefined || options.traceSample > 0;
    const traced = isTraced ? new Traced(tracing, options.traceSample) : undefined;
    const once = new Once({ windowMs: options.idempotencyWindowMs, bytesMax: options.idempotencyMaxBytes });
    const keysAtStart = new KeysAtStart(broker, once, logger);
    const lag = broker.hasLog ? new LogLag((then) => broker.mark(then)) : undefined;
    const readiness = () => managerReadiness(auth, keysAtStart, broker, outbox, this.#isStopping);
    const attendance = { forEach: (visit: (client: Attendee) => void) => gateway.forEach(visit) };
    const notices = new Notices(logger);
    const desk = new Desk(
      id,
      clienteleOf(
        id,
        () => gateway,
        () => events,
        {
          readiness: () => readiness(),
          waitingBytes: () => outbox.level.bytes,
          revoking: () => this.#revoking,
        },
      ),
      (why) => notices.warnOnce("a command on wsmanager.control was not obeyed", "reason", why, () => ({})),
    );
    const peer = new Events(id, attendance, logger, (body) => desk.take(body));
    const events = broker.attachEvents(peer) ? peer : undefined;
    const presence = events === undefined ? undefined : presenceOf(events, attendance);
    const leavers = new Leavers((askers) => events?.left(askers));
    const surroundings: GatewayOptions = {
      ...options,
      auth,
      logger,
      readiness,
      metrics: () => [...ownMetrics, ...others()],
      announcements: events === undefined || presence === undefined ? nobodyTold : toldOf(events, presence),
      presence,
      adminRoutes: adminRoutesFor(options, {
        askAll: aloneOr(desk, events),
        answers: () => this.#answers,
        once,
        revoking: () => this.#revoking,
        drain: (overMs) => {
          this.#isStopping = true;
          this.onDrain(overMs);
        },
        level: () => this.logLevel,
        deadLetters: () => this.deadLetters,
        onRefused: () => {
          this.#apiRefusedCount++;
        },
      }),
      once,
      onAskerLeft: (asker) => leavers.left(asker),
      uplink: uplinkTo(outbox, messageTrace, busiest, traced),
      sharedLog: broker.hasLog
        ? {
            read: (start, reader) => broker.read(start, reader),
            mark: (then) => broker.mark(then),
            recordBytesMax,
          }
        : undefined,
    };
    const gateway = new Gateway(surroundings, protocols);
    outbox.level.onRelieved = () => gateway.relieve();
    outbox.level.onLightened = () => gateway.lighten();
    broker.publish("wsmanager", outbox);
    const answers = new Outbox(`${id}-replies`, true, { bytesMax: options.outboxMaxBytes });
    for (const each of [outbox, answers])
      each.onSetAside = (message) => logger.error("message set aside", { ...message });
    this.#answers = answers;
    const replies = new Replies(answers, (message, asker) => gateway.answer(message, asker), logger);
    broker.publish("towsmanager", answers);
    broker.consumeReplies(repliesPrefetch, replies);
    const feed = new Feed(id, tracedSink(gateway, tracing), logger, messageTrace, skipped, recordBytesMax);
    const revoking = events === undefined ? undefined : new Revoking(events, auth, () => gateway, logger);
    const ownMetrics = managerMetrics({
      broker,
      outbox,
      busiest,
      skipped,
      replies,
      repeats: feed.repeats,
      lags: [this.#lag, ...(lag === undefined ? [] : [lag])],
      presence,
      revoking,
      apiRefusedCount: () => this.#apiRefusedCount,
    });
    feed.keys = once;
    feed.onMarked = (offset) => keysAtStart.reached(offset);
    if (lag !== undefined) feed.onHandedOn = (ms) => lag.handedOn(ms);
    broker.follow(feed);
    this.#leavers = leavers;
    this.#keysAtStart = keysAtStart;
    this.#events = events;
    this.#presence = presence;
    this.#revoking = revoking;
    this.#outbox = outbox;
    this.#gateway = gateway;
    this.#auth = auth;
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
      this.#logger.error("the certificate was not taken over: the one before stays", {
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
    if (!isObeyed) this.#logger.error("stopped before everything was obeyed that clients had sent");
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
    this.#leavers.close();
    this.#presence?.close();
    this.#revoking?.close();
    await this.#events?.close(Math.min(eventsCloseMs, timeoutMs ?? eventsCloseMs));
    this.#outbox.close();
    this.#answers.close();
    this.#keysAtStart.close();
    this.#lag.close();
  }
}

/** How long a broker may take to confirm the last events, in milliseconds. */
const eventsCloseMs = 1000;
