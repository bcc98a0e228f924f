import { createHash } from "node:crypto";
import type { Waiter } from "../envelope/waiter.ts";
import { isShortText, type OutgoingMessage } from "../message.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { UnusableAnswer } from "./unusable-answer.ts";

/** How many answers to one message may wait for RabbitMQ's confirm before their producer is held back. */
const unconfirmedMax = 64;
/** How many answers a handler may publish without awaiting any of them. More are an error. */
const unawaitedMax = 1000;

/** Where answers are published. `append` is called once for each, in order. */
export type AnswerOutbox = Pick<Outbox, "append" | "isFull">;

/** An answer that was published alone. */
interface Pending {
  /** Settles with the confirm. */
  readonly confirmed: PromiseWithResolvers<void>;
}

/**
 * The answers to one message, over all attempts at it. They are numbered from 1, and an answer's id is made of the message's id and the
 * number. An answer that one attempt has published is not published again by the next, so nobody gets an answer twice.
 */
export class Answering {
  readonly #questionId: string;
  readonly #group: string;
  readonly #outbox: AnswerOutbox;
  readonly #onPublished: ((answer: OutgoingMessage) => void) | undefined;
  /** How many answers were published, by any attempt. */
  #published = 0;
  #unconfirmed = 0;
  /** Why the first answer that was set aside was. */
  #setAside: string | undefined;
  /** Answers that wait for a confirm, by number: only those that a handler may await. */
  #pending: Map<number, Pending> | undefined;
  #waiting: (() => void)[] | undefined;
  #settled: ((setAside: string | undefined) => void) | undefined;

  /**
   * @param questionId the prefix of the answers' ids
   * @param onPublished called for each answer
   */
  constructor(
    questionId: string,
    group: string,
    outbox: AnswerOutbox,
    onPublished?: (answer: OutgoingMessage) => void,
  ) {
    this.#questionId = questionId;
    this.#group = group;
    this.#outbox = outbox;
    this.#onPublished = onPublished;
  }

  /**
   * Publishes the answer with this number, unless an earlier attempt has. Numbers have no gaps.
   *
   * @param isAwaited whether `confirmed` may be called for it
   */
  publish(number: number, answer: OutgoingMessage, isAwaited: boolean): void {
    if (number <= this.#published) return;
    this.#published = number;
    this.#unconfirmed++;
    this.#outbox.append(
      { ...answer, id: answerId(this.#questionId, this.#group, number) },
      this.#waiterOf(number, isAwaited),
    );
    this.#onPublished?.(answer);
  }

  /** Publishes the error answer, after the last attempt has failed. */
  publishError(answer: OutgoingMessage): void {
    this.#unconfirmed++;
    this.#outbox.append(
      { ...answer, id: answerId(this.#questionId, this.#group, "error") },
      this.#plainWaiter,
    );
    this.#onPublished?.(answer);
  }

  /** Resolves when RabbitMQ has confirmed the answer with this number; rejects if RabbitMQ does not take it. */
  confirmed(number: number): Promise<void> {
    return this.#pending?.get(number)?.confirmed.promise ?? Promise.resolve();
  }

  /** How many answers wait for RabbitMQ's confirm. */
  get unconfirmed(): number {
    return this.#unconfirmed;
  }

  /** Whether too many answers wait for another one to be published without waiting. */
  get isOverrun(): boolean {
    return this.#unconfirmed >= unawaitedMax;
  }

  /** Undefined if more may be published. Otherwise it resolves when an answer is confirmed; then ask again. */
  room(): Promise<void> | undefined {
    const isScarce = this.#unconfirmed >= unconfirmedMax || (this.#outbox.isFull && this.#unconfirmed > 0);
    if (!isScarce) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting ??= [];
    this.#waiting.push(resolve);
    return promise;
  }

  /**
   * Calls back once, when every answer is confirmed or set aside, with why the first one was set aside. Nothing but the error answer may
   * follow; call it again for that.
   */
  whenSettled(settled: (setAside: string | undefined) => void): void {
    if (this.#unconfirmed === 0) settled(this.#setAside);
    else this.#settled = settled;
  }

  #waiterOf(number: number, isAwaited: boolean): Waiter {
    // What produces answers is held back when there are twice as many.
    if (!isAwaited) return this.#unconfirmed < unconfirmedMax / 2 ? this.#patientWaiter : this.#plainWaiter;
    const confirmed = Promise.withResolvers<void>();
    // The handler need not await it, so a rejection must not be reported as unhandled.
    confirmed.promise.catch(() => undefined);
    this.#pending ??= new Map();
    this.#pending.set(number, { confirmed });
    return {
      confirmed: () => {
        this.#pending!.delete(number);
        confirmed.resolve();
        this.#settle();
      },
      // It stays pending, so that a later attempt learns of it too.
      setAside: (why) => {
        confirmed.reject(new UnusableAnswer(`an answer was set aside: ${why}`));
        this.#settle(why);
      },
    };
  }

  /** The question's acknowledgement alone waits for it. */
  readonly #patientWaiter: Waiter = {
    isPatient: true,
    confirmed: () => this.#settle(),
    setAside: (why) => this.#settle(why),
  };

  /** The same for an answer whose confirm is needed soon. Few answers need it, and there are as many of these objects as questions. */
  get #plainWaiter(): Waiter {
    const { confirmed, setAside } = this.#patientWaiter;
    return { confirmed, setAside };
  }

  #settle(setAside?: string): void {
    this.#setAside ??= setAside;
    this.#unconfirmed--;
    if (this.#waiting !== undefined) for (const resume of this.#waiting.splice(0)) resume();
    if (this.#unconfirmed > 0) return;
    const settled = this.#settled;
    this.#settled = undefined;
    settled?.(this.#setAside);
  }
}

/**
 * The id of an answer: `ID/GROUP/NUMBER`. If a message is handled twice, its answers have the same ids. If the id would be too long for
 * AMQP, the message's id is replaced by its hash.
 */
export function answerId(questionId: string, group: string, number: number | "error"): string {
  const id = `${questionId}/${group}/${number}`;
  if (isShortText(id)) return id;
  const hash = createHash("sha256").update(`${questionId}/${group}`).digest("hex");
  return `sha256:${hash}/${number}`;
}
