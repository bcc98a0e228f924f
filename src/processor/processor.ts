import type { Broker, Consumer, ConsumeSession } from "../broker/broker.ts";
import { groupOfEvents } from "../broker/events.ts";
import type { Envelope } from "../envelope/envelope.ts";
import { open } from "../envelope/envelope.ts";
import { answersIdOf } from "../envelope/once-id.ts";
import { reasonOf } from "../errors.ts";
import type { Message } from "../message.ts";
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

/** What a command line says to a processor. */
export type ProcessorOptions = Pick<
  Options,
  "group" | "concurrency" | "prefetch" | "prefetchBytes" | "attempts" | "handlerTimeoutMs" | "outboxMaxBytes"
>;

/** A message that came back more often, since a processor died, may be the one that kills them. */
const innocentDeaths = 1;
/** Messages of which it is remembered that they came back with a connection, for each that may be held. */
const knownReturnsFactor = 4;

/**
 * The processor: consumer group → handler → answers → broker.
 *
 * A delivery is acknowledged when the answers to all messages in it are confirmed, never before: whatever dies in
 * between, the broker delivers it again. Messages of one client are handled one after another.
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
  /** Messages that had no id, of which each gets answers with ids of its own. */
  #unnamed = 0;

  /**
   * @param id unique to this process; its answers carry it as `app_id`
   * @param suspectHandler handles messages that may have killed their processors, each within `handlerTimeoutMs`
   * @param eventKeys it is for these events of clients, and not for messages; then `options.group` is as `eventsGroup` names it
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
  ) {
    this.#isForEvents = eventKeys !== undefined;
    this.#id = id;
    this.#options = options;
    this.#work = work;
    this.#logger = logger;
    this.#lanes = lanesFor(options, logger);
    this.#knownReturns = new KnownReturns(knownReturnsFactor * options.prefetch);
    this.#broker = broker;
    this.#metrics = new ProcessorMetrics(this.#state);
    this.#answers = new Outbox(id, true, { bytesMax: options.outboxMaxBytes });
    this.#dead = new Outbox(`${id}-dead`, false, { bytesMax: options.outboxMaxBytes });
    const askers = new Askers();
    // Nobody asks by an event.
    if (eventKeys === undefined) broker.attachLeavers((left) => askers.left(left));
    // The group as handlers know it.
    const group = eventKeys === undefined ? options.group : groupOfEvents(options.group);
    this.#handling = new Handling({
      options: { ...options, group },
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
    broker.attachPublisher("towsmanager", this.#answers);
    broker.attachPublisher("wsmanager.dead", this.#dead);
    if (eventKeys === undefined) broker.attachConsumer(options.group, options.prefetch, this);
    else broker.attachEventConsumer(options.group, eventKeys, options.prefetch, this);
  }

  /** Where spans go; undefined: nowhere. */
  set tracing(tracing: Tracing | undefined) {
    this.#handling.tracing = tracing;
  }

  /** What `/metrics` shows of it. Names begin with `warren_answers_` and `warren_dead_letters_` where a manager has the same of its own. */
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

  /** Whether it is told to stop, or cannot send its answers on. */
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

  /** What has not begun will be delivered again; what has begun is finished, and its ack goes nowhere. */
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
      // Order is a client's; what names no client is kept in order by topic.
      const lane = message.clientId ?? `\u0000${message.topic}`;
      const kept = this.#lanes.isBusy(lane) ? withOwnBody(message) : message;
      this.#lanes.submit(lane, (place) => this.#handling.handle(kept, answersId, isSuspect, place, done));
    }
    intake.balance();
  }

  /** Takes nothing more and finishes what has begun, within `timeoutMs`. True if all of it is confirmed. */
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
        {
          handlersRunning: this.#lanes.running,
        },
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

  /** Undefined if it cannot be opened and is buried as it is. */
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
