import type { Answer, Routes } from "./http.ts";

/** How long requests are answered as they come, in each turn of the event loop. In milliseconds. */
const directMs = 4;

/**
 * When requests are answered that need nothing but the CPU. Bun hands over all that it has read, however many a client has sent in one
 * piece: half a megabyte has room for ten thousand, which would keep everybody waiting. So those that come in a turn of the event loop
 * in which enough have been answered wait for the next one. A client that has sent another one by then is disconnected by Bun.
 */
export class RequestTurns {
  readonly #now: () => number;
  readonly #atLeast: number;
  #count = 0;
  #untilMs = 0;
  #next: Promise<void> | undefined;

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
        (request, server) => {
          const wait = this.wait();
          return wait === undefined ? answer(request, server) : wait.then(() => answer(request, server));
        },
      ]),
    );
  }

  /** Undefined: it may be answered now. Else it may be once this is resolved. */
  wait(): Promise<void> | undefined {
    if (this.#next !== undefined) {
      this.#count++;
      return this.#count <= this.#atLeast || this.#now() < this.#untilMs ? undefined : this.#next;
    }
    this.#count = 1;
    this.#untilMs = this.#now() + directMs;
    this.#next = new Promise((resolve) =>
      setImmediate(() => {
        this.#next = undefined;
        resolve();
      }),
    );
    return undefined;
  }
}
