import type { Broker, Consumer, ConsumeSession } from "../broker/broker.ts";
import type { Envelope } from "../envelope/envelope.ts";
import { open } from "../envelope/envelope.ts";
import { answersIdOf } from "../envelope/once-id.ts";
import { reasonOf } from "../errors.ts";
import type { Message, OutgoingMessage } from "../message.ts";
import type { Logger } from "../ops/logger.ts";
import type { MessageTrace } from "../ops/message-trace.ts";
import type { AnyMetric } from "../ops/metrics.ts";
import type { Span, Tracing } from "../ops/tracing.ts";
import type { Options } from "../options/table.ts";
import { outboxMetrics } from "../outbox/metrics.ts";
import { Outbox } from "../outbox/outbox.ts";
import { isExpired } from "../properties.ts";
import { awaitedBy, errorHeader, type RequestError } from "../requests.ts";
import { spanAfter, traceContextIn, withTrace } from "../trace-context.ts";
import { Answering } from "./answering.ts";
import { answerTo } from "./answers.ts";
import { Askers } from "./askers.ts";
import { type AttemptLimits, attempt, type Outcome } from "./attempts.ts";
import type { Call } from "./call.ts";
import { type Buried, type Cause, DeadLetters } from "./dead-letters.ts";
import { Failures } from "./failures.ts";
import type { HandlerMessage, Work } from "./handler.ts";
import { Intake, shareOf } from "./intake.ts";
import { Keyed } from "./keyed.ts";
import { KnownReturns } from "./known-returns.ts";
import { Lanes, type Place } from "./lanes.ts";
import { ProcessorMetrics } from "./processor-metrics.ts";

export type ProcessorOptions = Pick<
  Options,
  "group" | "concurrency" | "prefetch" | "prefetchBytes" | "attempts" | "handlerTimeoutMs" | "outboxMaxBytes"
>;

/** Handles a message that may have killed its processors. It may leave its place while it waits for others. */
export type SuspectHandler = (message: HandlerMessage, call: Call, place: Place) => unknown;

/** The longest time that a timer can wait, in milliseconds. */
const timerMsMax = 2 ** 31 - 1;

/** A message that came back more often, since a processor died, may be the one that kills them. */
const innocentDeaths = 1;
/** Messages of which it is remembered that they came back with a connection, for each that may be held. */
const knownReturnsFactor = 4;

/** A handler that goes on after its timeout counts for so many times as long, and at least so many milliseconds. */
const keepFactor = 10;
const keepMsMin = 6000;
/** How long handlers that return no promise may occupy the event loop in one piece, in milliseconds. */
const turnMs = 10;
/** How often it is logged that handlers go on, in milliseconds. */
const outlivingLogEveryMs = 1000;

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
  readonly #suspectHandler: SuspectHandler;
  readonly #logger: Logger;
  readonly #messageTrace: MessageTrace;
  readonly #answers: Outbox;
  readonly #dead: Outbox;
  readonly #deadLetters: DeadLetters;
  readonly #lanes: Lanes;
  readonly #knownReturns: KnownReturns;
  readonly #limits: AttemptLimits;
  readonly #suspectLimits: AttemptLimits;
  readonly #broker: Broker;
  readonly #metrics: ProcessorMetrics;
  #session: ConsumeSession | undefined;
  /** Where spans go; undefined: nowhere. */
  tracing: Tracing | undefined;
  #intake: Intake | undefined;
  #isStopping = false;
  /** Messages that had no id, of which each gets answers with ids of its own. */
  #unnamed = 0;
  readonly #keyed = new Keyed();
  #outlivingLoggedAt = Number.NEGATIVE_INFINITY;

  /**
   * @param id unique to this process; its answers carry it as `app_id`
   * @param suspectHandler handles messages that may have killed their processors, each within `handlerTimeoutMs`
   */
  constructor(
    id: string,
    options: ProcessorOptions,
    work: Work,
    broker: Broker,
    logger: Logger,
    messageTrace: MessageTrace,
    suspectHandler: SuspectHandler = work.handle,
  ) {
    this.#id = id;
    this.#options = options;
    this.#work = work;
    this.#suspectHandler = suspectHandler;
    this.#logger = logger;
    this.#messageTrace = messageTrace;
    const { concurrency, prefetch, attempts, handlerTimeoutMs: timeoutMs } = options;
    const keepMs = Math.min(timerMsMax, Math.max(keepMsMin, keepFactor * timeoutMs));
    // As many again may go on after their timeout as may be in flight: those that hang stop nobody, and yet there is a bound.
    const outlivingMax = concurrency;
    this.#lanes = new Lanes({ concurrency, outlivingMax, share: shareOf(prefetch), keepMs, turnMs });
    this.#lanes.onOutliving = (outliving, why) => this.#logOutliving(outliving, why);
    this.#knownReturns = new KnownReturns(knownReturnsFactor * prefetch);
    this.#broker = broker;
    this.#metrics = new ProcessorMetrics(this.#state);
    const failures = new Failures(options.group, logger);
    const onFailure: AttemptLimits["onFailure"] = (error, message, attempt) => {
      this.#metrics.failed(attempt);
      failures.report(error, message, attempt);
    };
    const askers = new Askers();
    broker.hearLeft((left) => askers.left(left));
    this.#limits = { attempts, timeoutMs, group: options.group, logger, onFailure, askers };
    // The quarantine counts the time itself: suspects wait for one another, which is not to be held against them.
    this.#suspectLimits = { ...this.#limits, timeoutMs: timerMsMax };
    this.#answers = new Outbox(id, true, { bytesMax: options.outboxMaxBytes });
    this.#dead = new Outbox(`${id}-dead`, false, { bytesMax: options.outboxMaxBytes });
    this.#deadLetters = new DeadLetters(this.#dead, options.group, logger);
    for (const outbox of [this.#answers, this.#dead])
      outbox.onSetAside = (message) => logger.error("message set aside", { ...message });
    broker.publish("towsmanager", this.#answers);
    broker.publish("wsmanager.dead", this.#dead);
    broker.consume(options.group, options.prefetch, this);
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

  deliver(tag: number, envelope: Envelope, returns: number): void {
    const intake = this.#intake;
    if (intake === undefined) return;
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
      const kept = this.#lanes.isBusy(lane) ? withBodyOfItsOwn(message) : message;
      this.#lanes.submit(lane, (place) => this.#handle(kept, answersId, isSuspect, place, done));
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
      this.#logger.warn("stopped before everything begun was finished; it will be delivered again", {
        handlersRunning: this.#lanes.running,
      });
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
      this.#bury(message, { reason: reasonOf(error), attempts: 0 }, done);
      return undefined;
    }
  }

  /** @param answersId what the ids of its answers begin with */
  #handle(
    message: Message,
    answersId: string,
    isSuspect: boolean,
    place: Place,
    acknowledged: () => void,
  ): void | Promise<void> {
    const done = this.#keyed.begin(message.id, acknowledged);
    if (done === undefined) return;
    // It may have waited long, in the queue or behind others.
    if (isExpired(message)) {
      this.#metrics.expired();
      done();
      return;
    }
    if (this.#messageTrace.wants()) {
      this.#messageTrace.print("received", message.body, { client: message.clientId, topic: message.topic });
    }
    const { asked, span } = this.#traced(message);
    const answering = new Answering(answersId, this.#options.group, this.#answers, this.#onAnswer);
    const begunMs = performance.now();
    const outcome = isSuspect
      ? attempt(
          (asked, call) => this.#suspectHandler(asked, call, place),
          asked,
          this.#suspectLimits,
          answering,
          place,
        )
      : attempt(this.#work.handle, asked, this.#limits, answering, place);
    const settle = (settled: Outcome) => {
      span?.end(settled.is === "failed" ? settled.reason : undefined);
      this.#settle(message, settled, answering, begunMs, done);
    };
    if (outcome instanceof Promise) return outcome.then(settle);
    settle(outcome);
  }

  /** The message as the handler gets it: what it does is the next span of the message's trace, if that is recorded. */
  #traced(message: Message): { readonly asked: Message; readonly span: Span | undefined } {
    const parent = this.tracing === undefined ? undefined : traceContextIn(message.headers);
    if (parent?.isSampled !== true) return { asked: message, span: undefined };
    const context = spanAfter(parent);
    const about = { "messaging.system": "rabbitmq", "messaging.destination.name": message.topic };
    const span = this.tracing!.begin("handle", "consumer", context, parent, {
      ...about,
      "messaging.message.id": message.id,
      "messaging.consumer.group.name": this.#options.group,
    });
    return { asked: { ...message, headers: withTrace(message.headers, context) }, span };
  }

  readonly #onAnswer = ({ body, clientId, topic }: OutgoingMessage): void => {
    if (this.#messageTrace.wants()) this.#messageTrace.print("sends", body, { client: clientId, topic });
  };

  #logOutliving(outliving: number, why: "begins" | "given up"): void {
    const now = performance.now();
    if (now - this.#outlivingLoggedAt < outlivingLogEveryMs) return;
    this.#outlivingLoggedAt = now;
    const { concurrency, handlerTimeoutMs } = this.#options;
    this.#logger.warn(
      why === "begins"
        ? "a handler goes on after its timeout; when more than --concurrency do, they take places of others"
        : "a handler has not ended long after its timeout; it is not counted any more",
      { goingOn: outliving, concurrency, handlerTimeoutMs },
    );
  }

  #bury(message: Buried, cause: Cause, done: () => void): void {
    this.#metrics.deadLettered();
    this.#deadLetters.bury(message, cause, done);
  }

  /** What a handler had published before it failed stays published, and is waited for as well. */
  #settle(message: Message, outcome: Outcome, answering: Answering, begunMs: number, done: () => void): void {
    this.#metrics.handled(outcome, performance.now() - begunMs);
    if (outcome.is === "failed") {
      const asker = awaitedBy(message);
      if (asker !== undefined) answering.publishError(failedAnswer(asker, message));
      this.#bury(message, outcome, () => answering.whenSettled(done));
      return;
    }
    answering.whenSettled((setAside) => {
      if (setAside === undefined) done();
      else this.#bury(message, { reason: `its answer was set aside: ${setAside}`, attempts: 1 }, done);
    });
  }
}

/** What a client hears whose request has failed for good. Why is for the log alone: it may tell of what is no client's to know. */
function failedAnswer(asker: string, message: Message): OutgoingMessage {
  const body = `the request failed: the processors' log names it by the id ${message.id}`;
  return answerTo(asker, message, { body, headers: { [errorHeader]: "failed" satisfies RequestError } });
}

/** A small body that is a part of what was read from a socket would keep all of that alive while it waits. */
function withBodyOfItsOwn(message: Message): Message {
  const { body } = message;
  if (typeof body === "string" || body.byteLength * 2 >= body.buffer.byteLength) return message;
  return { ...message, body: Buffer.from(body) };
}
