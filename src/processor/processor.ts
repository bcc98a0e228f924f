import type { Broker, Consumer, ConsumeSession } from "../broker/broker.ts";
import { groupOfEvents } from "../broker/events.ts";
import { type Envelope, open } from "../envelope/envelope.ts";
import { reasonOf } from "../errors.ts";
import type { Message } from "../message.ts";
import { answersIdOf } from "../message-id.ts";
import type { Logger } from "../ops/logger.ts";
import type { MessageTrace } from "../ops/message-trace.ts";
import type { AnyMetric } from "../ops/metrics.ts";
import type { Tracing } from "../ops/tracing.ts";
import type { Options } from "../options/table.ts";
import { outboxMetrics } from "../outbox/metrics.ts";
import { Outbox } from "../outbox/outbox.ts";
import { Askers } from "./askers.ts";
import { DeadLetters } from "./dead-letters.ts";
import { eventEnvelope } from "./event-work.ts";
import type { Work } from "./handler.ts";
import { lanesFor } from "./handler-lanes.ts";
import { Handling, type SuspectHandler } from "./handling.ts";
import { Intake, withOwnBody } from "./intake.ts";
import { KnownReturns } from "./known-returns.ts";
import type { Lanes } from "./lanes.ts";
import { ProcessorMetrics } from "./processor-metrics.ts";
import type { Stalls } from "./stalls.ts";

/** A processor's options from the command line. */
export type ProcessorOptions = Pick<
  Options,
  "group" | "concurrency" | "prefetch" | "prefetchBytes" | "attempts" | "handlerTimeoutMs" | "outboxMaxBytes"
>;

/** A message that came back more often than this because a processor died may be the cause. */
const innocentDeaths = 1;
/** For each message that may be held, this many are remembered that came back because of a lost connection. */
const knownReturnsFactor = 4;

/**
 * The processor: consumer group → handler → answers → broker.
 *
 * A delivery is acknowledged when the answers to all of its messages are confirmed, never before. If anything dies in between, the broker
 * delivers it again. Messages of one client are handled one after another.
 */
export class Processor implements Consumer {
  readonly #id: string;
  readonly #options: ProcessorOptions;
  readonly #work: Work;
  readonly #logger: Logger;
  readonly #answers: Outbox;
  readonly #dead: Outbox;
  readonly #handling: Handling;
  readonly #lanes: Lanes;
  readonly #knownReturns: KnownReturns;
  readonly #broker: Broker;
  readonly #isForEvents: boolean;
  readonly #metrics: ProcessorMetrics;
  #session: ConsumeSession | undefined;
  #intake: Intake | undefined;
  #isStopping = false;
  /** How many messages had no id. Each gets an id of its own for its answers. */
  #unnamed = 0;

  /**
   * @param id unique to this process; its answers carry it as `app_id`
   * @param suspectHandler handles messages that may have killed their processors, each within `handlerTimeoutMs`
   * @param stalls tells why a connection was lost
   * @param eventKeys if given, it handles these events of clients instead of messages, and `options.group` is a name from `eventsGroup`
   */
  constructor(
    id: string,
    options: ProcessorOptions,
    work: Work,
    broker: Broker,
    logger: Logger,
    messageTrace: MessageTrace,
    suspectHandler: SuspectHandler = work.handle,
    eventKeys?: readonly string[],
    stalls?: Pick<Stalls, "recentMs">,
  ) {
    this.#isForEvents = eventKeys !== undefined;
    this.#id = id;
    this.#options = options;
    this.#work = work;
    this.#logger = logger;
    this.#lanes = lanesFor(options, logger);
    this.#knownReturns = new KnownReturns(knownReturnsFactor * options.prefetch, logger, stalls);
    this.#broker = broker;
    this.#metrics = new ProcessorMetrics(this.#state);
    this.#answers = new Outbox(id, true, { bytesMax: options.outboxMaxBytes });
    this.#dead = new Outbox(`${id}-dead`, false, { bytesMax: options.outboxMaxBytes });
    const askers = new Askers();
    // No client asks by an event.
    if (eventKeys === undefined) broker.attachLeavers((left) => askers.left(left));
    this.#handling = new Handling({
      // The group as handlers know it.
      options: { ...options, group: this.#isForEvents ? groupOfEvents(options.group) : options.group },
      askers,
      handle: work.handle,
      suspectHandler,
      logger,
      messageTrace,
      answers: this.#answers,
      deadLetters: new DeadLetters(this.#dead, options.group, logger),
      metrics: this.#metrics,
    });
    for (const outbox of [this.#answers, this.#dead])
      outbox.onSetAside = (message) => logger.error("message set aside", { ...message });
    this.#answers.isPressed = () => this.#intake?.isScarce === true;
    broker.attachPublisher("towsmanager", this.#answers);
    broker.attachPublisher("wsmanager.dead", this.#dead);
    if (eventKeys === undefined) broker.attachConsumer(options.group, options.prefetch, this);
    else broker.attachEventConsumer(options.group, eventKeys, options.prefetch, this);
  }

  /** Records spans; undefined: none are recorded. */
  set tracing(tracing: Tracing | undefined) {
    this.#handling.tracing = tracing;
  }

  /** The metrics of the processor. Names begin with `warren_answers_` and `warren_dead_letters_` where a manager has the same metric. */
  get metrics(): readonly AnyMetric[] {
    return [
      ...this.#metrics.all,
      ...outboxMetrics(this.#answers, "warren_answers_"),
      ...outboxMetrics(this.#dead, "warren_dead_letters_"),
    ];
  }

  get #state() {
    const processor = this;
    return {
      get handlersRunning() {
        return processor.#lanes.running;
      },
      get deliveriesOpen() {
        return processor.#intake?.acks.open ?? 0;
      },
      get heldBytes() {
        return processor.#intake?.bytes ?? 0;
      },
      get queued() {
        return processor.#broker.queuedIn(processor.#options.group);
      },
    };
  }

  /** Whether it was told to stop. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  get isFull(): boolean {
    return this.#answers.isFull || this.#dead.isFull;
  }

  opened(session: ConsumeSession): void {
    this.#session = session;
    this.#intake = new Intake(session, this.#options, this.#lanes);
    if (this.#isStopping) session.stop();
  }

  /**
   * The session has ended. Messages that have not begun will be delivered again. Those that have begun are finished, and their acks have no
   * effect.
   */
  closed(): void {
    if (this.#intake !== undefined) {
      this.#knownReturns.add(this.#intake.acks.openIds);
      this.#intake.acks.close();
    }
    this.#session = undefined;
    this.#intake = undefined;
    this.#lanes.abandonWaiting();
  }

  deliver(tag: number, delivered: Envelope, returns: number): void {
    const intake = this.#intake;
    if (intake === undefined) return;
    const envelope = this.#isForEvents ? eventEnvelope(delivered) : delivered;
    const { messageId } = envelope;
    const isSuspect = this.#knownReturns.unexplained(messageId, returns) > innocentDeaths;
    let costBytes = 0;
    const deliveredMs = performance.now();
    this.#metrics.delivered(envelope.timestamp);
    const acked = () => {
      this.#metrics.done(performance.now() - deliveredMs);
      intake.done(tag, costBytes);
    };
    const messages = this.#open(envelope, acked);
    costBytes = intake.delivered(tag, envelope, messages?.length ?? 1);
    if (messages === undefined) return;
    let left = messages.length;
    if (left === 0) acked();
    const done = () => {
      if (--left === 0) acked();
    };
    for (const message of messages) {
      if (this.#work.isFor?.(message.topic) === false) {
        done();
        continue;
      }
      const answersId =
        messageId === undefined ? `${this.#id}-unnamed-${++this.#unnamed}` : answersIdOf(message.id);
      // Messages of a client are handled in order. Those without a client are kept in order by topic.
      const lane = message.clientId ?? `\u0000${message.topic}`;
      const kept = this.#lanes.isBusy(lane) ? withOwnBody(message) : message;
      this.#lanes.submit(lane, (place) => this.#handling.handle(kept, answersId, isSuspect, place, done));
    }
    intake.balance();
  }

  /** Takes no more messages and finishes those that have begun, within `timeoutMs`. Returns true if everything is confirmed. */
  async drain(timeoutMs: number): Promise<boolean> {
    this.#isStopping = true;
    const deadline = performance.now() + timeoutMs;
    this.#session?.stop();
    this.#lanes.abandonWaiting();
    while (this.#lanes.running > 0 && performance.now() < deadline) await Bun.sleep(5);
    const left = () => Math.max(0, deadline - performance.now());
    const isConfirmed = (await this.#answers.drain(left())) && (await this.#dead.drain(left()));
    this.#intake?.acks.finish();
    const isDrained = isConfirmed && this.#lanes.running === 0;
    if (!isDrained) {
      this.#logger.warn(
        "stopped before everything begun was finished; what is left will be delivered again",
        { handlersRunning: this.#lanes.running },
      );
    }
    return isDrained;
  }

  close(): void {
    this.#lanes.close();
    this.#intake?.acks.close();
    this.#answers.close();
    this.#dead.close();
  }

  /** Opens an envelope. One that cannot be opened becomes a dead letter as it is, and undefined is returned. */
  #open(envelope: Envelope, done: () => void): readonly Message[] | undefined {
    try {
      return open(envelope, "unnamed");
    } catch (error) {
      const { body, routingKey, clientId, timestamp } = envelope;
      const message = { body, topic: routingKey, clientId, timestamp, id: envelope.messageId ?? "unnamed" };
      this.#handling.bury(message, { reason: reasonOf(error), attempts: 0 }, done);
      return undefined;
    }
  }
}
