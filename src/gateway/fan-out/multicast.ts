import type { Body } from "../../message.ts";
import { LoopTime, type Task } from "../../ops/loop-time.ts";
import { TurnBudget } from "../../ops/turn-budget.ts";
import { Crowd, type Receiver } from "./crowd.ts";

/**
 * How much may be gathered for all keys until all receivers have it, in UTF-16 units: beyond it the oldest is written to all its receivers at
 * once.
 */
const keptMax = 4 * 1024 ** 2;
/**
 * How many receivers are written to in one turn of the event loop. Bun sends at the end of the turn, so the true cost shows only after all
 * writes of the turn were made.
 */
const writesMax = 256;
/** The bytes of these writes together. */
const writtenMax = 16 * 1024 ** 2;

/**
 * Publishes to connections that are not WebSockets. A write costs the same whatever its size, so everything that is published to a key in
 * one turn of the event loop is gathered once for all its receivers, and written to each of them in one piece. Very many receivers are
 * written to over several turns, and what is published meanwhile is gathered for the next round.
 *
 * A receiver that joins gets nothing that was published before, and one that leaves still gets everything that was.
 */
export class Multicast implements Task {
  readonly #loop: LoopTime;
  readonly #budget: TurnBudget;
  readonly #crowds = new Map<string, Crowd>();
  /** Crowds with something to write, the one that has waited longest first. */
  readonly #unwritten = new Set<Crowd>();
  /** What is kept until all have it, in UTF-16 units. */
  #kept = 0;

  /** @param loop shares out the event loop's time */
  constructor(loop = new LoopTime()) {
    this.#loop = loop;
    this.#budget = new TurnBudget(loop, writesMax, 1);
  }

  subscribe(key: string, receiver: Receiver): void {
    let crowd = this.#crowds.get(key);
    if (crowd === undefined) {
      crowd = new Crowd((units) => {
        this.#kept += units;
      });
      this.#crowds.set(key, crowd);
    }
    crowd.add(receiver);
  }

  unsubscribe(key: string, receiver: Receiver): void {
    const crowd = this.#crowds.get(key);
    if (crowd?.has(receiver) !== true) return;
    crowd.writeTo(receiver);
    crowd.remove(receiver);
    if (crowd.size > 0) return;
    this.#crowds.delete(key);
    this.#unwritten.delete(crowd);
    // Nobody is left for what it keeps.
    crowd.write();
  }

  /** Writes to one receiver now what was published to the key, because something else is to be written to it next. */
  writeTo(key: string, receiver: Receiver): void {
    this.#crowds.get(key)?.writeTo(receiver);
  }

  publish(key: string, body: Body): void {
    const crowd = this.#crowds.get(key);
    if (crowd === undefined) return;
    // Bytes never come here: without WebSocket there are no frames, and those encodings make text.
    crowd.gather(body as string);
    this.#unwritten.add(crowd);
    this.#loop.ask(this);
    for (const oldest of this.#unwritten) {
      if (this.#kept <= keptMax) break;
      this.#unwritten.delete(oldest);
      oldest.write();
    }
  }

  run(untilMs: number): void {
    this.#budget.start(untilMs);
    let bytesLeft = writtenMax;
    const mayWrite = (bytes: number) => {
      if (bytesLeft <= 0 || this.#budget.isOver) return false;
      this.#budget.take();
      bytesLeft -= bytes;
      return true;
    };
    for (const crowd of this.#unwritten) {
      this.#unwritten.delete(crowd);
      if (crowd.write(mayWrite)) continue;
      this.#unwritten.add(crowd);
      break;
    }
    if (this.#unwritten.size > 0) this.#loop.ask(this);
  }
}
