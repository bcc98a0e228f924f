import type { Message, OutgoingMessage } from "../message.ts";
import type { Fields, Logger } from "../ops/logger.ts";
import { traceparent, tracestate } from "../trace-context.ts";
import type { Answering } from "./answering.ts";
import { answersOf } from "./answers.ts";
import type { Askers } from "./askers.ts";
import type { HandlerContext, HandlerLog } from "./handler-types.ts";
import { UnusableAnswer } from "./unusable-answer.ts";

/** What all calls of a processor's handler have in common. */
export interface CallTerms {
  /** The consumer group, as handlers know it. */
  readonly group: string;
  readonly logger: Logger;
  /** Tells calls that their client has gone. Absent where nobody reports that. */
  readonly askers?: Pick<Askers, "begin">;
  /** Called for every attempt that fails, with its number from 1. */
  readonly onFailure: (error: unknown, message: Message, attempt: number) => void;
}

/** Publishes a call's answers: in an outbox, or in the process that asked. */
export type AnswerSink = Pick<Answering, "publish" | "confirmed" | "room" | "isOverrun" | "unconfirmed">;

/** One call of a handler, and the handler's `context`. Most handlers use little of it, so its parts are created on first use. */
export class Call implements HandlerContext {
  readonly attempt: number;
  readonly #message: Message;
  readonly #terms: CallTerms;
  readonly #sink: AnswerSink;
  readonly #onEnd: (() => void) | undefined;
  #numbers = 0;
  #fault: { readonly error: unknown } | undefined;
  #hasEnded = false;
  #isAbandoned = false;
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;
  #publish: HandlerContext["publish"] | undefined;
  #log: HandlerLog | undefined;

  /** Called when the handler gives a sign of life. */
  onProgress: () => void = () => undefined;

  constructor(message: Message, attempt: number, terms: CallTerms, sink: AnswerSink) {
    this.attempt = attempt;
    this.#message = message;
    this.#terms = terms;
    this.#sink = sink;
    this.#onEnd = message.isRequest === true ? terms.askers?.begin(message, this) : undefined;
  }

  get group(): string {
    return this.#terms.group;
  }

  get traceparent(): string | undefined {
    return this.#message.headers?.[traceparent];
  }

  get tracestate(): string | undefined {
    return this.#message.headers?.[tracestate];
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  get publish(): HandlerContext["publish"] {
    this.#publish ??= (answer) => this.#publishNow(answer);
    return this.#publish;
  }

  get log(): HandlerLog {
    this.#log ??= logOf(this.#terms.logger, this.#message);
    return this.#log;
  }

  /** The first answer that could not be published, whether or not the handler awaited it. */
  get fault(): { readonly error: unknown } | undefined {
    return this.#fault;
  }

  /** Whether answers wait for RabbitMQ's confirm, so that the handler may be waiting for that. */
  get isUnconfirmed(): boolean {
    return this.#sink.unconfirmed > 0;
  }

  /** Resolves when more may be published; see `Answering.room`. */
  room(): Promise<void> | undefined {
    return this.#sink.room();
  }

  /** The client that asked has gone. The handler is told, and may end or go on. */
  abandon(reason: Error): void {
    this.#isAbandoned = true;
    this.abort(reason);
  }

  /** Whether the client that asked has gone. Then a failed handler need not be tried again. */
  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  /** Aborts the handler's signal. */
  abort(reason: unknown): void {
    this.#aborted ??= { reason };
    this.#controller?.abort(reason);
  }

  /**
   * Publishes what the handler has returned or yielded.
   *
   * @throws UnusableAnswer if a part of it cannot be sent; then none of it is
   */
  answer(result: unknown): void {
    if (this.#hasEnded) throw new UnusableAnswer("an answer after the handler had ended");
    for (const answer of answersOf(result, this.#message)) this.#sink.publish(++this.#numbers, answer, false);
  }

  /** Publishes an answer that a call in another process made, with the same number. */
  pass(number: number, answer: OutgoingMessage): Promise<void> {
    this.#numbers = number;
    this.onProgress();
    this.#sink.publish(number, answer, true);
    return this.#sink.confirmed(number);
  }

  /** Ends the attempt. What the handler publishes after that is not sent. */
  end(): void {
    if (!this.#hasEnded) this.#onEnd?.();
    this.#hasEnded = true;
  }

  #publishNow(given: unknown): Promise<void> {
    let numbers: readonly number[];
    try {
      numbers = this.#append(given);
    } catch (error) {
      this.#fail(error);
      return quietly(Promise.reject(error as Error));
    }
    const confirmed = Promise.all(numbers.map((number) => this.#sink.confirmed(number))).then(
      () => undefined,
    );
    confirmed.catch((error: unknown) => {
      if (!this.#hasEnded) this.#fail(error);
    });
    return confirmed;
  }

  #append(given: unknown): readonly number[] {
    if (this.#hasEnded) throw new UnusableAnswer("an answer that was published after its handler had ended");
    const answers = answersOf(given, this.#message);
    if (answers.length > 0 && this.#sink.isOverrun)
      throw new UnusableAnswer("too many answers at once: wait for what context.publish returns");
    this.onProgress();
    return answers.map((answer) => {
      this.#sink.publish(++this.#numbers, answer, true);
      return this.#numbers;
    });
  }

  /** The attempt has failed, whether or not the handler awaits the answer. If the handler has ended, this is only logged. */
  #fail(error: unknown): void {
    if (this.#hasEnded) this.#terms.onFailure(error, this.#message, this.attempt);
    else this.#fault ??= { error };
  }
}

/** Prevents a rejection that nobody awaits from ending the process. */
function quietly(promise: Promise<void>): Promise<void> {
  promise.catch(() => undefined);
  return promise;
}

function logOf(logger: Logger, { id, clientId, topic }: Message): HandlerLog {
  const about = { message: id, client: clientId, topic };
  const all = (fields: Fields | undefined): Fields => ({ ...fields, ...about });
  return {
    debug: (message, fields) => logger.debug(message, all(fields)),
    info: (message, fields) => logger.info(message, all(fields)),
    warn: (message, fields) => logger.warn(message, all(fields)),
    error: (message, fields) => logger.error(message, all(fields)),
  };
}
