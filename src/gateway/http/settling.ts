import { Deque } from "../../collections/deque.ts";
import type { LoopTime, Task } from "../../ops/loop-time.ts";

/** How many requests are answered in one turn of the event loop: Bun writes all their answers at its end. */
const eachTurn = 50;

/**
 * Answers requests whose results are known. One confirm of RabbitMQ, or one pack of answers, may be for hundreds of them, and writing all
 * in one turn of the event loop would take long. So a few are answered in each turn.
 */
export class Settling implements Task {
  readonly #loop: LoopTime;
  readonly #waiting = new Deque<() => void>();

  /** @param loop shares out the event loop's time */
  constructor(loop: LoopTime) {
    this.#loop = loop;
  }

  /** Answers a request in this turn, or in a later one. */
  add(answer: () => void): void {
    this.#waiting.push(answer);
    this.#loop.ask(this);
  }

  run(): void {
    for (let count = 0; count < eachTurn && this.#waiting.length > 0; count++) this.#waiting.shift()!();
    if (this.#waiting.length > 0) this.#loop.ask(this);
  }
}
