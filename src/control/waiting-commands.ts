import { Deque } from "../collections/deque.ts";
import type { LoopTime, Task } from "../ops/loop-time.ts";
import { commandBytesMax } from "./command.ts";

/** How many commands may wait, and how many bytes they may have together. */
export const waitingMax = 1000;
const waitingBytesMax = 16 * commandBytesMax;
/** How many commands that take several turns are executed at a time. A search of all clients keeps a list of them meanwhile. */
const busyMax = 8;

/** Sends the answer as JSON; undefined if nobody waits for one. */
export type Answerer = ((body: string) => void) | undefined;

/** Executes a command, and returns its answer or a promise of it; undefined if there is none. */
type Obey = (body: Uint8Array) => object | Promise<object> | undefined;

interface Waiting {
  readonly body: Uint8Array;
  readonly answer: Answerer;
}

/**
 * Commands that came over RabbitMQ and wait to be executed. Any program that may write there can send very many, and each may look at all
 * clients. So they take turns with everything else, begun one after another, and are dropped beyond a limit. Answers come as commands end,
 * so that a long one holds up no other.
 */
export class WaitingCommands implements Task {
  readonly #obey: Obey;
  readonly #loop: () => LoopTime;
  readonly #onDropped: () => void;
  readonly #waiting = new Deque<Waiting>();
  #bytes = 0;
  /** How many commands are being executed that take several turns. */
  #busy = 0;

  /**
   * @param obey executes a command, and returns its answer; undefined if there is none
   * @param loop shares out the event loop's time; called when the first command has come
   * @param onDropped called for each command that is dropped because too many wait
   */
  constructor(obey: Obey, loop: () => LoopTime, onDropped: () => void) {
    this.#obey = obey;
    this.#loop = loop;
    this.#onDropped = onDropped;
  }

  /** A command has come. */
  add(body: Uint8Array, answer: Answerer): void {
    // A command that is too large: keep just enough to recognize that.
    const kept = body.byteLength > commandBytesMax ? body.subarray(0, commandBytesMax + 1) : body;
    if (this.#waiting.length >= waitingMax || this.#bytes + kept.byteLength > waitingBytesMax) {
      this.#onDropped();
      return;
    }
    // Copy the command: a view would keep everything in the same buffer.
    this.#waiting.push({ body: Buffer.from(kept), answer });
    this.#bytes += kept.byteLength;
    this.#loop().ask(this);
  }

  run(untilMs: number): void {
    const loop = this.#loop();
    do {
      // It asks for a turn again when one of them ends.
      if (this.#busy >= busyMax) return;
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#bytes -= next.body.byteLength;
      const said = this.#obey(next.body);
      if (said instanceof Promise) void this.#answerLater(said, next.answer);
      else if (said !== undefined) next.answer?.(JSON.stringify(said));
    } while (loop.now() < untilMs);
    if (this.#waiting.length > 0) loop.ask(this);
  }

  async #answerLater(saying: Promise<object>, answer: Answerer): Promise<void> {
    this.#busy++;
    const said = await saying;
    this.#busy--;
    answer?.(JSON.stringify(said));
    if (this.#waiting.length > 0) this.#loop().ask(this);
  }

  /** Drops the waiting commands. */
  close(): void {
    while (this.#waiting.shift() !== undefined);
    this.#bytes = 0;
  }
}
