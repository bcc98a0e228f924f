import { Deque } from "../collections/deque.ts";
import type { Answer, Routes } from "./http.ts";

/** How long requests are answered as they come, in each turn of the event loop. In milliseconds. */
const directMs = 4;

/**
 * When requests are answered that need nothing but the CPU. Bun hands over all that it has read, however many a client has sent in one
 * piece: half a megabyte has room for ten thousand, which would keep everybody waiting. So those that come in a turn of the event loop
 * in which enough have been answered wait for one of the next ones, in which as many are answered again. A client that has sent another
 * one by then is disconnected by Bun: so no more wait than there are connections.
 */
export class RequestTurns {
  readonly #now: () => number;
  readonly #atLeast: number;
  readonly #waiting = new Deque<() => void>();
  #count = 0;
  #untilMs = 0;
  /** The end of the turn in which requests have been answered. */
  #end: NodeJS.Immediate | undefined;

  /**
   * @param atLeast this many are answered in a turn, however long they take
   * @param now the time in milliseconds
   */
  constructor(atLeast: number, now = () => performance.now()) {
    this.#atLeast = atLeast;
    this.#now = now;
  }

  /** The same routes, whose requests take turns. */
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
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        if (request.signal.aborted) {
          resolve(new Response(null, { status: 499 }));
          return;
        }
        this.#count++;
        try {
          resolve(answer());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  #mayAnswer(): boolean {
    if (this.#end === undefined) this.#begin();
    else if (!this.#hasTime) return false;
    this.#count++;
    return true;
  }

  get #hasTime(): boolean {
    return this.#count < this.#atLeast || this.#now() < this.#untilMs;
  }

  #begin(): void {
    this.#count = 0;
    this.#untilMs = this.#now() + directMs;
    this.#end = setImmediate(() => {
      this.#end = undefined;
      if (this.#waiting.length === 0) return;
      this.#begin();
      while (this.#hasTime && this.#waiting.length > 0) this.#waiting.shift()!();
    });
  }
}
