import { createHash } from "node:crypto";
import type { Waiter } from "../envelope/waiter.ts";
import { isShortText, type OutgoingMessage } from "../message.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { UnusableAnswer } from "./unusable-answer.ts";

/** Answers to one message that may wait for RabbitMQ's confirm before what makes them is held back. */
const unconfirmedMax = 64;
/** Answers that a handler may publish without waiting for any of them. More are an error. */
const unawaitedMax = 1000;

/** Where answers go. `append` is called once for each of them, in order. */
export type AnswerOutbox = Pick<Outbox, "append" | "isFull">;

/** Answers that are published one by one. */
interface Pending {
  /** Those that wait for the confirm. */
  readonly confirmed: PromiseWithResolvers<void>;
}

/**
 * The answers to one message, over all attempts at it. They are numbered from 1, and their ids follow from the message's and their
 * number. What one attempt has published the next one does not publish again, so nobody gets an answer twice.
 */
export class Answering {
  readonly #questionId: string;
  readonly #group: string;
  readonly #outbox: AnswerOutbox;
  readonly #onPublished: ((answer: OutgoingMessage) => void) | undefined;
  /** How many of the answers have been published, by any attempt. */
  #published = 0;
  #unconfirmed = 0;
  /** Why the first one was set aside that was. */
  #setAside: string | undefined;
  /** What waits for a confirm, by number: only answers that somebody may wait for. */
  #pending: Map<number, Pending> | undefined;
  #waiting: (() => void)[] | undefined;
  #settled: ((setAside: string | undefined) => void) | undefined;

  /**
   * @param questionId what the ids of the answers begin with
   * @param onPublished hears of each answer
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
   * @param isAwaited whether `confirmed` may be asked about it
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

  /** Publishes, after the last attempt, that there is no answer. */
  publishError(answer: OutgoingMessage): void {
    this.#unconfirmed++;
    this.#outbox.append(
      { ...answer, id: answerId(this.#questionId, this.#group, "error") },
      this.#plainWaiter,
    );
    this.#onPublished?.(answer);
  }

  /** Fulfilled when RabbitMQ has confirmed the answer with this number; rejects if it does not take it. */
  confirmed(number: number): Promise<void> {
    return this.#pending?.get(number)?.confirmed.promise ?? Promise.resolve();
  }

  /** Answers that wait for RabbitMQ's confirm. */
  get unconfirmed(): number {
    return this.#unconfirmed;
  }

  /** Whether too many wait for more to be published without waiting. */
  get isOverrun(): boolean {
    return this.#unconfirmed >= unawaitedMax;
  }

  /** Undefined if more may be published. Else it is fulfilled when one is confirmed: then ask again. */
  room(): Promise<void> | undefined {
    const isScarce = this.#unconfirmed >= unconfirmedMax || (this.#outbox.isFull && this.#unconfirmed > 0);
    if (!isScarce) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting ??= [];
    this.#waiting.push(resolve);
    return promise;
  }

  /** Calls back once, when each of the answers is confirmed or set aside, with why the first one was. No more may follow. */
  whenSettled(settled: (setAside: string | undefined) => void): void {
    if (this.#unconfirmed === 0) settled(this.#setAside);
    else this.#settled = settled;
  }

  #waiterOf(number: number, isAwaited: boolean): Waiter {
    if (!isAwaited) return this.#plainWaiter;
    const confirmed = Promise.withResolvers<void>();
    // Whether anybody waits for it is the handler's to decide.
    confirmed.promise.catch(() => undefined);
    this.#pending ??= new Map();
    this.#pending.set(number, { confirmed });
    return {
      confirmed: () => {
        this.#pending!.delete(number);
        confirmed.resolve();
        this.#settle();
      },
      // It stays among the pending, so that a later attempt hears of it too.
      setAside: (why) => {
        confirmed.reject(new UnusableAnswer(`an answer was set aside: ${why}`));
        this.#settle(why);
      },
    };
  }

  readonly #plainWaiter: Waiter = {
    confirmed: () => this.#settle(),
    setAside: (why) => this.#settle(why),
  };

  #settle(setAside?: string): void {
    this.#setAside ??= setAside;
    this.#unconfirmed--;
    if (this.#waiting !== undefined) for (const resume of this.#waiting.splice(0)) resume();
    if (this.#unconfirmed === 0) this.#settled?.(this.#setAside);
  }
}

/**
 * The id of a message's answer: `ID/GROUP/NUMBER`. A message that is handled twice has answers with the same ids. An id so long that
 * AMQP could not carry the answer's is replaced by a hash of it.
 */
export function answerId(questionId: string, group: string, number: number | "error"): string {
  const id = `${questionId}/${group}/${number}`;
  if (isShortText(id)) return id;
  const hash = createHash("sha256").update(`${questionId}/${group}`).digest("hex");
  return `sha256:${hash}/${number}`;
}
