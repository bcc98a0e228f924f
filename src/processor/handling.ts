import type { Message, OutgoingMessage } from "../message.ts";
import type { Logger } from "../ops/logger.ts";
import type { MessageTrace } from "../ops/message-trace.ts";
import type { Span, Tracing } from "../ops/tracing.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { isExpired } from "../properties.ts";
import { awaitedBy, errorHeader, type RequestError } from "../requests.ts";
import { spanAfter, traceContextIn, withTrace } from "../trace-context.ts";
import { Answering } from "./answering.ts";
import { answerTo } from "./answers.ts";
import type { Askers } from "./askers.ts";
import { type AttemptLimits, attempt, type Outcome } from "./attempts.ts";
import type { Call } from "./call.ts";
import type { Buried, Cause, DeadLetters } from "./dead-letters.ts";
import { Failures } from "./failures.ts";
import type { HandlerMessage, Work } from "./handler.ts";
import { Keyed } from "./keyed.ts";
import type { Place } from "./lanes.ts";
import type { ProcessorMetrics } from "./processor-metrics.ts";

/** Handles a message that may have killed its processors. It may release its place while it waits for others. */
export type SuspectHandler = (message: HandlerMessage, call: Call, place: Place) => unknown;

/** The longest time that a timer can wait, in milliseconds. */
export const timerMsMax = 2 ** 31 - 1;

/** What handling a message needs. */
export interface HandlingParts {
  /** The group as handlers know it, and how often and for how long a handler is called. */
  readonly options: { readonly group: string; readonly attempts: number; readonly handlerTimeoutMs: number };
  /** Handles messages. */
  readonly handle: Work["handle"];
  readonly askers: Askers;
  /** Handles messages that may have killed their processors, each within `handlerTimeoutMs`. */
  readonly suspectHandler: SuspectHandler;
  readonly logger: Logger;
  readonly messageTrace: MessageTrace;
  /** Publishes answers. */
  readonly answers: Outbox;
  readonly deadLetters: DeadLetters;
  readonly metrics: ProcessorMetrics;
}

/** Handles messages: calls the handler, publishes its answers, or puts the message among the dead letters. */
export class Handling {
  readonly #parts: HandlingParts;
  readonly #limits: AttemptLimits;
  readonly #suspectLimits: AttemptLimits;
  readonly #keyed = new Keyed();
  /** Records spans; undefined: none are recorded. */
  tracing: Tracing | undefined;

  constructor(parts: HandlingParts) {
    this.#parts = parts;
    const { options, askers, logger, metrics } = parts;
    const { group, attempts, handlerTimeoutMs: timeoutMs } = options;
    const failures = new Failures(group, logger);
    const onFailure: AttemptLimits["onFailure"] = (error, message, attempt) => {
      metrics.failed(attempt);
      failures.report(error, message, attempt);
    };
    this.#limits = { attempts, timeoutMs, group, logger, onFailure, askers };
    // The quarantine measures the time itself, because suspects wait for one another, which must not count.
    this.#suspectLimits = { ...this.#limits, timeoutMs: timerMsMax };
  }

  /**
   * @param answersId the prefix of its answers' ids
   * @param isSuspect whether it may have killed its processors
   * @param acknowledged called when everything about it is confirmed
   */
  handle(
    message: Message,
    answersId: string,
    isSuspect: boolean,
    place: Place,
    acknowledged: () => void,
  ): void | Promise<void> {
    const done = this.#keyed.begin(message.id, acknowledged);
    if (done === undefined) return;
    const { handle, suspectHandler, options, answers, messageTrace, metrics } = this.#parts;
    // It may have waited long, in the queue or in its lane.
    if (isExpired(message)) {
      metrics.expired();
      done();
      return;
    }
    if (messageTrace.wants()) {
      messageTrace.print("received", message.body, { client: message.clientId, topic: message.topic });
    }
    const { asked, span } = this.#traced(message);
    const answering = new Answering(answersId, options.group, answers, this.#onAnswer);
    const begunMs = performance.now();
    const outcome = isSuspect
      ? attempt(
          (asked, call) => suspectHandler(asked, call, place),
          asked,
          this.#suspectLimits,
          answering,
          place,
        )
      : attempt(handle, asked, this.#limits, answering, place);
    const settle = (settled: Outcome) => {
      span?.end(settled.is === "failed" ? settled.reason : undefined);
      this.#settle(message, settled, answering, begunMs, done);
    };
    if (outcome instanceof Promise) return outcome.then(settle);
    settle(outcome);
  }

  /** Returns the message as the handler gets it. If its trace is recorded, the handler's work is the next span in it. */
  #traced(message: Message): { readonly asked: Message; readonly span: Span | undefined } {
    const parent = this.tracing === undefined ? undefined : traceContextIn(message.headers);
    if (parent?.isSampled !== true) return { asked: message, span: undefined };
    const context = spanAfter(parent);
    const about = { "messaging.system": "rabbitmq", "messaging.destination.name": message.topic };
    const span = this.tracing!.begin("handle", "consumer", context, parent, {
      ...about,
      "messaging.message.id": message.id,
      "messaging.consumer.group.name": this.#parts.options.group,
    });
    return { asked: { ...message, headers: withTrace(message.headers, context) }, span };
  }

  readonly #onAnswer = ({ body, clientId, topic }: OutgoingMessage): void => {
    const { messageTrace } = this.#parts;
    if (messageTrace.wants()) messageTrace.print("sends", body, { client: clientId, topic });
  };

  /** Publishes it as a dead letter. `done` is called when that is confirmed, or is impossible. */
  bury(message: Buried, cause: Cause, done: () => void): void {
    this.#parts.metrics.deadLettered();
    this.#parts.deadLetters.bury(message, cause, done);
  }

  /** What a handler published before it failed stays published, so its confirm is awaited too. */
  #settle(message: Message, outcome: Outcome, answering: Answering, begunMs: number, done: () => void): void {
    this.#parts.metrics.handled(outcome, performance.now() - begunMs);
    if (outcome.is === "failed") {
      this.#fail(message, outcome, answering, done);
      return;
    }
    answering.whenSettled((setAside) => {
      if (setAside === undefined) done();
      else
        this.#fail(
          message,
          { reason: `its answer was set aside: ${setAside}`, attempts: 1 },
          answering,
          done,
        );
    });
  }

  /** Tells a client that asked, so that it does not wait for ever, and buries the message. */
  #fail(message: Message, cause: Cause, answering: Answering, done: () => void): void {
    const asker = awaitedBy(message);
    if (asker !== undefined) answering.publishError(failedAnswer(asker, message));
    this.bury(message, cause, () => answering.whenSettled(done));
  }
}

/** The answer to a client whose request has failed for good. The reason is only logged, since it may be confidential. */
function failedAnswer(asker: string, message: Message): OutgoingMessage {
  const body = `the request failed: the processors' log names it by the id ${message.id}`;
  return answerTo(asker, message, { body, headers: { [errorHeader]: "failed" satisfies RequestError } });
}
