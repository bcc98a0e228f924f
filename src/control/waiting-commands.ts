import { Deque } from "../collections/deque.ts";
import type { LoopTime, Task } from "../ops/loop-time.ts";
import { commandBytesMax } from "./command.ts";

/** Commands that wait at most, and what they may have together, in bytes. */
export const waitingMax = 1000;
const waitingBytesMax = 16 * commandBytesMax;

/** Called with the answer as JSON; undefined if nobody waits for one. */
export type Answerer = ((body: string) => void) | undefined;

interface Waiting {
  readonly body: Uint8Array;
  readonly answer: Answerer;
}

/**
 * What managers are told over RabbitMQ, until it is obeyed. Any program that may write there can send very many commands, each of which
 * looks at all clients: they are obeyed by turns with everything else, and beyond a number they are dropped, since nobody could
 * wait for them.
 */
export class WaitingCommands implements Task {
  readonly #obey: (body: Uint8Array) => object | undefined;
  readonly #loop: () => LoopTime;
  readonly #onDropped: () => void;
  readonly #waiting = new Deque<Waiting>();
  #bytes = 0;

  /**
   * @param obey obeys a command, and returns its answer; undefined if there is none
   * @param loop whose time obeying takes: called when the first command has come
   * @param onDropped hears of each command that is not obeyed, since too many wait
   */
  constructor(obey: (body: Uint8Array) => object | undefined, loop: () => LoopTime, onDropped: () => void) {
    this.#obey = obey;
    this.#loop = loop;
    this.#onDropped = onDropped;
  }

  /** A command has come. */
  add(body: Uint8Array, answer: Answerer): void {
    // Enough of a command that is too large is kept to see that it is.
    const kept = body.byteLength > commandBytesMax ? body.subarray(0, commandBytesMax + 1) : body;
    if (this.#waiting.length >= waitingMax || this.#bytes + kept.byteLength > waitingBytesMax) {
      this.#onDropped();
      return;
    }
    // This is a copy: a view would keep all that came in the same buffer.
    this.#waiting.push({ body: Buffer.from(kept), answer });
    this.#bytes += kept.byteLength;
    this.#loop().ask(this);
  }

  run(untilMs: number): void {
    const loop = this.#loop();
    do {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#bytes -= next.body.byteLength;
      const said = this.#obey(next.body);
      if (said !== undefined) next.answer?.(JSON.stringify(said));
    } while (loop.now() < untilMs);
    if (this.#waiting.length > 0) loop.ask(this);
  }

  /** Nothing that waits is obeyed any more. */
  close(): void {
    while (this.#waiting.shift() !== undefined);
    this.#bytes = 0;
  }
}
