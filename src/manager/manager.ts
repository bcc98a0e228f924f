import type { Broker } from "../broker/broker.ts";
import { brokerMetrics } from "../broker/metrics.ts";
import { readinessOf } from "../broker/readiness.ts";
import { ControlApi, type LogLevel } from "../control/api.ts";
import type { DeadLetters } from "../control/dead-letters.ts";
import { Desk } from "../control/desk.ts";
import { FatalError } from "../errors.ts";
import type { Attendee } from "../events/attendance.ts";
import { Events } from "../events/events.ts";
import type { Auth } from "../gateway/auth/auth.ts";
import { nobodyTold } from "../gateway/clients/announcements.ts";
import { Once } from "../gateway/fan-out/once.ts";
import type { Uplink } from "../gateway/fan-out/uplink.ts";
import { Gateway } from "../gateway/gateway.ts";
import type { GatewayOptions } from "../gateway/gateway-options.ts";
import { protocols as allProtocols, type ProtocolMaker } from "../gateway/protocols.ts";
import { Feed } from "../log/feed.ts";
import { LogLag } from "../log/log-lag.ts";
import { SkippedRecords } from "../log/skipped-records.ts";
import type { Readiness } from "../ops/http.ts";
import type { Logger } from "../ops/logger.ts";
import { LoopLag } from "../ops/loop-lag.ts";
import type { MessageTrace } from "../ops/message-trace.ts";
import { type AnyMetric, processMetrics } from "../ops/metrics.ts";
import { Notices } from "../ops/notices.ts";
import type { Tracing } from "../ops/tracing.ts";
import type { Options } from "../options/table.ts";
import { defaultOutboxLimits } from "../outbox/limits.ts";
import { outboxMetrics } from "../outbox/metrics.ts";
import { Outbox } from "../outbox/outbox.ts";
import type { Presence } from "../presence/presence.ts";
import { BusiestTopics } from "./busiest-topics.ts";
import { aloneOr, clienteleOf, readAdminToken } from "./control.ts";
import { KeysAtStart } from "./keys-at-start.ts";
import { Leavers } from "./leavers.ts";
import { presenceMetrics, presenceOf, toldOf } from "./presence.ts";
import { Replies } from "./replies.ts";
import { Traced, tracedSink } from "./traced.ts";

/** What a command line says to the gateway and the outbox; the rest of what the gateway needs is the manager's to give. */
export type ManagerOptions = Omit<
  GatewayOptions,
  | "logger"
  | "readiness"
  | "metrics"
  | "uplink"
  | "once"
  | "onAskerLeft"
  | "announcements"
  | "presence"
  | "sharedLog"
  | "auth"
  | "adminRoutes"
> &
  Pick<
    Options,
    "adminTokenFile" | "outboxMaxBytes" | "traceSample" | "idempotencyWindowMs" | "idempotencyMaxBytes"
  >;

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
    const ownMetrics: AnyMetric[] = [
      ...outboxMetrics(outbox),
      ...brokerMetrics(broker),
      {
        name: "warren_skipped_total",
        type: "counter",
        help: "AMQP messages that no client got: malformed packs, and what is larger than may wait for a client.",
        read: () => skipped.count,
      },
      ...processMetrics,
      ...this.#lag.metrics,
      busiest.metric,
      ...(lag?.metrics ?? []),
    ];
    const readiness = (): Readiness =>
      auth?.hasKeys === false
        ? keyless
        : keysAtStart.isReading && broker.status().state === "ready"
          ? readsKeys
          : readinessOf(broker.status(), this.#isStopping, outbox.isFull);
    const attendance = { forEach: (visit: (client: Attendee) => void) => gateway.forEach(visit) };
    const notices = new Notices(logger);
    const desk = new Desk(
      id,
      clienteleOf(
        id,
        () => gateway,
        () => events,
        { readiness: () => readiness(), waitingBytes: () => outbox.level.bytes },
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
      adminRoutes:
        options.adminTokenFile === undefined
          ? {}
          : this.#controlApi(options.adminTokenFile, options, desk, events),
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
    ownMetrics.push(...(presence === undefined ? [] : presenceMetrics(presence)), {
      name: "warren_api_refused_total",
      type: "counter",
      help: "Requests to the control API without the right token.",
      read: () => this.#apiRefusedCount,
    });
    outbox.level.onRelieved = () => gateway.relieve();
    outbox.level.onLightened = () => gateway.lighten();
    outbox.onSetAside = (message) => logger.error("message set aside", { ...message });
    broker.publish("wsmanager", outbox);
    const answers = new Outbox(`${id}-replies`, true, { bytesMax: options.outboxMaxBytes });
    answers.onSetAside = (message) => logger.error("message set aside", { ...message });
    this.#answers = answers;
    const replies = new Replies(answers, (message, asker) => gateway.answer(message, asker), logger);
    ownMetrics.push(...replies.metrics);
    broker.publish("towsmanager", answers);
    broker.consumeReplies(repliesPrefetch, replies);
    const feed = new Feed(id, tracedSink(gateway, tracing), logger, messageTrace, skipped, recordBytesMax);
    ownMetrics.push({
      name: "warren_repeats_dropped_total",
      type: "counter",
      help: "Messages in the log that were there before, since a manager or processor had to publish them again: nobody got them twice.",
      read: () => feed.repeats.count,
    });
    feed.keys = once;
    feed.onMarked = (offset) => keysAtStart.reached(offset);
    if (lag !== undefined) feed.onHandedOn = (ms) => lag.handedOn(ms);
    broker.follow(feed);
    this.#leavers = leavers;
    this.#keysAtStart = keysAtStart;
    this.#events = events;
    this.#presence = presence;
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

  #controlApi(file: string, { maxMessageBytes }: ManagerOptions, desk: Desk, events: Events | undefined) {
    readAdminToken(file);
    return new ControlApi({
      token: () => readAdminToken(file),
      askAll: aloneOr(desk, events),
      publish: (message, waiter) => void this.#answers.append(message, waiter),
      unfitnessOf: (message) => this.#answers.unfitnessOf(message),
      drain: (overMs) => {
        this.#isStopping = true;
        this.onDrain(overMs);
      },
      level: () => this.logLevel,
      deadLetters: () => this.deadLetters,
      maxMessageBytes,
      onRefused: () => {
        this.#apiRefusedCount++;
      },
    }).routes;
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
    await this.#events?.close(Math.min(eventsCloseMs, timeoutMs ?? eventsCloseMs));
    this.#outbox.close();
    this.#answers.close();
    this.#keysAtStart.close();
    this.#lag.close();
  }
}

/** How long a broker may take to confirm the last events, in milliseconds. */
const eventsCloseMs = 1000;

const readsKeys: Readiness = {
  ready: false,
  why: "the idempotency keys of the last --idempotency-window are being read from the log",
};
const keyless: Readiness = { ready: false, why: "the keys to check tokens with are not there yet" };

/** @param traced undefined: no message is given a place in a trace */
function uplinkTo(
  outbox: Outbox,
  messageTrace: MessageTrace,
  busiest: BusiestTopics,
  traced: Traced | undefined,
): Uplink {
  return {
    take(message, share, waiter, waiterBytes) {
      const publishing = traced?.publishing(message, waiter);
      const number =
        publishing === undefined
          ? outbox.append(message, waiter, waiterBytes, share)
          : outbox.append(publishing.message, publishing.waiter, waiterBytes, share);
      busiest.sent(message.topic);
      if (messageTrace.wants())
        messageTrace.print("client sent", message.body, { client: message.clientId, topic: message.topic });
      return number;
    },
    unfitnessOf: (message) => outbox.unfitnessOf(message),
    idOf: (number) => outbox.idOf(number),
    get freeBytes() {
      return outbox.level.freeBytes;
    },
  };
}
