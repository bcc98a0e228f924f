import { Deque } from "../../collections/deque.ts";
import type { Waiter } from "../../envelope/waiter.ts";
import { LoopTime, type Task } from "../../ops/loop-time.ts";

/** How many waiters are told at once in a turn of the event loop. */
const atOnceMax = 256;
/** The clock is read once for this many. */
const lookEach = 16;

/** Tells a waiter what has become of its message. */
type Tell = (waiter: Waiter) => void;

/**
 * Tells waiters what has become of one message: those that sent it again while it had no confirm. They may be tens of thousands, so what is
 * more than some hundred is told by turns, in order.
 */
export class Tellings implements Task {
  readonly #loop: () => LoopTime;
  readonly #waiting = new Deque<readonly [waiter: Waiter, tell: Tell]>();
  /** The turn of the event loop in which waiters were last told at once, and how many more may be in it. */
  #turn = -1;
  #left = 0;

  /** @param loop shares out the event loop's time; called when somebody is to be told */
  constructor(loop?: () => LoopTime) {
    const own = new LoopTime();
    this.#loop = loop ?? (() => own);
  }

  /** Tells all of them, now or soon. */
  tell(waiters: readonly Waiter[], tell: Tell): void {
    if (waiters.length === 0) return;
    const loop = this.#loop();
    loop.begin();
    if (this.#turn !== loop.turn) {
      this.#turn = loop.turn;
      this.#left = atOnceMax;
    }
    for (const waiter of waiters) {
      if (this.#waiting.length === 0 && this.#left-- > 0) tell(waiter);
      else this.#waiting.push([waiter, tell]);
    }
    if (this.#waiting.length > 0) loop.ask(this);
  }

  /** Tells all that wait, however long that takes. */
  tellAll(): void {
    while (this.#waiting.length > 0) this.#tellNext();
  }

  run(untilMs: number): void {
    const loop = this.#loop();
    for (let told = 1; this.#waiting.length > 0; told++) {
      this.#tellNext();
      if (told % lookEach === 0 && loop.now() >= untilMs) break;
    }
    if (this.#waiting.length > 0) loop.ask(this);
  }

  #tellNext(): void {
    const [waiter, tell] = this.#waiting.shift()!;
    tell(waiter);
  }
}
