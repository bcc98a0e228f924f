import type { Task } from "../../ops/loop-time.ts";
import type { Slices } from "../clients/slices.ts";
import type { DurableSubscription } from "./subscription.ts";

/**
 * Subscriptions that wait to know where they begin. Very many may wait for the same thing, so they are answered in slices of the event
 * loop's time. What is written to the subscriptions of one client is written in one piece, if they came one after another.
 */
export class Waiting implements Task {
  readonly #slices: Slices;
  readonly #answer: (subscription: DurableSubscription) => boolean;
  readonly #onAnswered: () => void;
  readonly #subscriptions = new Set<DurableSubscription>();
  /** The subscriptions that are yet to be tried, and the next of them; undefined unless `answerAll` is running. */
  #rest: Iterator<DurableSubscription, undefined> | undefined;
  #next: DurableSubscription | undefined;

  /**
   * @param answer answers one, so that it no longer waits; returns false if that is not possible yet
   * @param onAnswered called when all that can be answered were
   */
  constructor(
    slices: Slices,
    answer: (subscription: DurableSubscription) => boolean,
    onAnswered: () => void,
  ) {
    this.#slices = slices;
    this.#answer = answer;
    this.#onAnswered = onAnswered;
  }

  get size(): number {
    return this.#subscriptions.size;
  }

  get all(): Iterable<DurableSubscription> {
    return this.#subscriptions;
  }

  add(subscription: DurableSubscription): void {
    this.#subscriptions.add(subscription);
  }

  /** Returns whether it waited. */
  delete(subscription: DurableSubscription): boolean {
    return this.#subscriptions.delete(subscription);
  }

  /** Starts to answer all that can be answered, beginning with the first. */
  answerAll(): void {
    this.#rest = this.#subscriptions.values();
    this.#next = this.#rest.next().value;
    this.#slices.ask(this);
  }

  run(untilMs: number): void {
    while (this.#next !== undefined) {
      const { socket } = this.#next;
      socket.cork(() => this.#answerThoseOf(socket, untilMs));
      if (this.#next !== undefined && performance.now() >= untilMs) {
        this.#slices.ask(this);
        return;
      }
    }
    this.#rest = undefined;
    this.#onAnswered();
  }

  /** Stops answering. The subscriptions still wait. */
  stop(): void {
    this.#slices.forget(this);
    this.#rest = this.#next = undefined;
  }

  clear(): void {
    this.stop();
    this.#subscriptions.clear();
  }

  #answerThoseOf(socket: DurableSubscription["socket"], untilMs: number): void {
    while (this.#next?.socket === socket) {
      const subscription = this.#next;
      // Its client may have disconnected meanwhile.
      if (this.#subscriptions.has(subscription) && this.#answer(subscription))
        this.#subscriptions.delete(subscription);
      this.#next = this.#rest?.next().value;
      if (performance.now() >= untilMs) return;
    }
  }
}
