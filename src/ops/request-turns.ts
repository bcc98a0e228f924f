import { Deque } from "../collections/deque.ts";
import type { Answer, Routes } from "./http.ts";
import { LoopTime, type Task } from "./loop-time.ts";

/** How many times the least number are answered at most of those that wait, in a turn with time left. */
const mostFactor = 8;

/**
 * Decides when requests are answered that need only the CPU. Bun hands over everything that it has read: half a megabyte may contain ten
 * thousand requests that a client has sent at once, which would keep everybody else waiting. So when enough requests were answered in a
 * turn of the event loop, further ones wait for its end, or for later turns. Bun disconnects a client that sends another request meanwhile,
 * so at most as many wait as there are connections.
 */
export class RequestTurns {
  readonly #loop: LoopTime;
  readonly #atLeast: number;
  readonly #waiting = new Deque<() => void>();
  readonly #answering: Task = { run: (untilMs) => this.#answerWaiting(untilMs) };
  /** The last turn of the event loop in which requests were answered, and how many in it. */
  #turn = -1;
  #count = 0;

  /**
   * @param atLeast how many are answered in a turn, however long they take
   * @param loop shares out the event loop's time
   */
  constructor(atLeast: number, loop = new LoopTime()) {
    this.#atLeast = atLeast;
    this.#loop = loop;
  }

  /** Wraps routes so that their requests take turns. */
  guard<S>(routes: Routes<S>): Routes<S> {
    return Object.fromEntries(
      Object.entries(routes).map(([path, answer]): [string, Answer<S>] => [
        path,
        (request, server) => this.answer(request, () => answer(request, server)),
      ]),
    );
  }

  /** Answers a request now, or in a later turn. If its client has gone by then, it is not answered. */
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

  /**
   * Limited in number, too, because a part of what an answer costs shows only after all of the turn were begun. It has to be many: thousands
   * of clients that come back at once on a busy machine, where a turn takes long, are let in by so many a turn.
   */
  #answerWaiting(untilMs: number): void {
    const most = this.#atLeast * mostFactor;
    for (let count = 0; count < most && this.#waiting.length > 0; count++) {
      if (count >= this.#atLeast && this.#loop.now() >= untilMs) break;
      this.#waiting.shift()!();
    }
    if (this.#waiting.length > 0) this.#loop.ask(this.#answering);
  }
}
