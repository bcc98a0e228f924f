import type { Task } from "../../ops/loop-time.ts";
import type { Slices } from "../clients/slices.ts";
import type { DurableSubscription } from "./subscription.ts";

/**
 * Subscriptions that wait to know where they begin. Very many may wait for the same, so they are answered in slices of the event
 * loop's time; and what the subscriptions of one client are answered is written as one, where they came one after another.
 */
export class Waiting implements Task {
  readonly #slices: Slices;
  readonly #answer: (subscription: DurableSubscription) => boolean;
  readonly #onAnswered: () => void;
  readonly #subscriptions = new Set<DurableSubscription>();
  /** Those that are yet to be asked about, and the first of them; undefined unless `answerAll` is under way. */
  #rest: Iterator<DurableSubscription, undefined> | undefined;
  #next: DurableSubscription | undefined;

  /**
   * @param answer answers one, which waits no more then; false if it cannot
   * @param onAnswered called when all that can be answered are
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

  /** Whether it waited. */
  delete(subscription: DurableSubscription): boolean {
    return this.#subscriptions.delete(subscription);
  }

  /** Begins to answer all that can be answered, from the first one on. */
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

  /** They wait on, and nobody is asked. */
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
      // Its client may have gone meanwhile.
      if (this.#subscriptions.has(subscription) && this.#answer(subscription))
        this.#subscriptions.delete(subscription);
      this.#next = this.#rest?.next().value;
      if (performance.now() >= untilMs) return;
    }
  }
}
