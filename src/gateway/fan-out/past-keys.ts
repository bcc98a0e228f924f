import { Deque } from "../../collections/deque.ts";
import { LoopTime, type Task } from "../../ops/loop-time.ts";

/**
 * Tracks whether the idempotency keys from before this manager's start are known. They are read from the log. Messages with a key have to
 * wait meanwhile, since each may repeat an earlier message. Very many may wait then, so they go on by turns.
 */
export class PastKeys implements Task {
  readonly #loop: LoopTime;
  #isKnown = true;
  #deadlineMs = 0;
  readonly #waiting = new Deque<() => void>();
  #timer: NodeJS.Timeout | undefined;

  /** @param loop shares out the event loop's time */
  constructor(loop = new LoopTime()) {
    this.#loop = loop;
  }

  /** Whether all keys are known, so that nothing needs to wait. */
  get areKnown(): boolean {
    return this.#isKnown;
  }

  /** Keys are going to be read. Messages with a key wait until `known` is called, or for this long from now, in milliseconds. */
  expect(withinMs: number): void {
    this.#isKnown = false;
    this.#deadlineMs = performance.now() + withinMs;
    this.#stopTimer();
    if (this.#waiting.length > 0) this.#startTimer();
  }

  /** All keys that can be read were read. */
  known(): void {
    this.#isKnown = true;
    this.#stopTimer();
    if (this.#waiting.length > 0) this.#loop.ask(this);
  }

  /**
   * Whether a message with a key has to wait.
   *
   * @param then called once, soon after the keys are known, if it has to
   */
  waits(then: () => void): boolean {
    if (this.#isKnown) return false;
    if (performance.now() >= this.#deadlineMs) {
      this.known();
      return false;
    }
    this.#waiting.push(then);
    this.#startTimer();
    return true;
  }

  run(untilMs: number): void {
    // If keys are being read again by now, the others wait for these too.
    while (this.#isKnown) {
      const then = this.#waiting.shift();
      if (then === undefined) return;
      then();
      if (this.#loop.now() < untilMs) continue;
      if (this.#waiting.length > 0) this.#loop.ask(this);
      return;
    }
  }

  #startTimer(): void {
    this.#timer ??= setTimeout(() => this.known(), Math.max(0, this.#deadlineMs - performance.now()));
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
