import { Deque } from "../collections/deque.ts";
import type { Answer, Routes } from "./http.ts";
import { LoopTime, type Task } from "./loop-time.ts";

/**
 * When requests are answered that need nothing but the CPU. Bun hands over all that it has read, however many a client has sent in one
 * piece: half a megabyte has room for ten thousand, which would keep everybody waiting. So those that come in a turn of the event loop
 * in which enough have been answered wait for its end or one of the next ones, in which some are answered again. A client that has sent another
 * one by then is disconnected by Bun: so no more wait than there are connections.
 */
export class RequestTurns {
  readonly #loop: LoopTime;
  readonly #atLeast: number;
  readonly #waiting = new Deque<() => void>();
  readonly #answering: Task = { run: () => this.#answerWaiting() };
  /** The turn of the event loop in which requests were answered last, and how many in it. */
  #turn = -1;
  #count = 0;

  /**
   * @param atLeast this many are answered in a turn, however long they take; and of those that wait, no more
   * @param loop whose time they take
   */
  constructor(atLeast: number, loop = new LoopTime()) {
    this.#atLeast = atLeast;
    this.#loop = loop;
  }

  /** Returns the same routes, whose requests take turns. */
  guard<S>(routes: Routes<S>): Routes<S> {
    return Object.fromEntries(
      Object.entries(routes).map(([path, answer]): [string, Answer<S>] => [
        path,
        (request, server) => this.answer(request, () => answer(request, server)),
      ]),
    );
  }

  /** Answers a request now, or in one of the next turns. One whose client has gone by then is not answered. */
  answer<R>(request: Pick<Request, "signal">, answer: () => R | Promise<R>): R | Promise<R | Response> {
    if (this.#waiting.length === 0 && this.#mayAnswer()) return answer();
    this.#loop.ask(this.#answering);
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        if (request.signal.aborted) {
          resolve(new Response(null, { status: 499 }));
          return;
        }
        try {
          resolve(answer());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  #mayAnswer(): boolean {
    const untilMs = this.#loop.begin();
    if (this.#turn !== this.#loop.turn) {
      this.#turn = this.#loop.turn;
      this.#count = 0;
    }
    if (this.#count >= this.#atLeast && this.#loop.now() >= untilMs) return false;
    this.#count++;
    return true;
  }

  /** No more than these: what answering one takes is seen only when all of the turn have been begun. */
  #answerWaiting(): void {
    for (let count = 0; count < this.#atLeast && this.#waiting.length > 0; count++) this.#waiting.shift()!();
    if (this.#waiting.length > 0) this.#loop.ask(this.#answering);
  }
}
