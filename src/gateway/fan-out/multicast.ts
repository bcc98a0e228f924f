import type { Body } from "../../message.ts";
import { LoopTime, type Task } from "../../ops/loop-time.ts";
import { Crowd, type Receiver } from "./crowd.ts";

/** What is gathered for one key while others are written to, in UTF-16 units: beyond it all are written to at once. */
const gatheredMax = 64 * 1024;
/**
 * Writes in one turn of the event loop. What a write takes is seen only when all of the turn have been begun, since Bun sends them at its
 * end.
 */
const writesMax = 256;

/**
 * Publishes to connections that are no WebSockets. What is published in one turn of the event loop is put together once for all that
 * subscribe to it, and written to each of them as one, since a write costs as much whatever its size. Very many are written to in several
 * turns, and what is published meanwhile is put together for the time after that.
 *
 * A member that joins gets nothing that was published before, and one that leaves gets all of it.
 */
export class Multicast implements Task {
  readonly #loop: LoopTime;
  readonly #crowds = new Map<string, Crowd>();
  /** Those with something to write, the one that waits longest first. */
  readonly #unwritten = new Set<Crowd>();

  /** @param loop whose time writing takes */
  constructor(loop = new LoopTime()) {
    this.#loop = loop;
  }

  subscribe(key: string, receiver: Receiver): void {
    let crowd = this.#crowds.get(key);
    if (crowd === undefined) {
      crowd = new Crowd();
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
  }

  /** Writes to one subscriber of a key what was published to that: something else is to be written to it. */
  writeTo(key: string, receiver: Receiver): void {
    this.#crowds.get(key)?.writeTo(receiver);
  }

  publish(key: string, body: Body): void {
    const crowd = this.#crowds.get(key);
    if (crowd === undefined) return;
    // Bytes never come here: what is no WebSocket has no frames, and its encodings write text.
    if (crowd.gather(body as string) >= gatheredMax) crowd.write();
    this.#unwritten.add(crowd);
    this.#loop.ask(this);
  }

  run(untilMs: number): void {
    let left = writesMax;
    const mayWrite = () => left-- > 0 && this.#loop.now() < untilMs;
    for (const crowd of this.#unwritten) {
      this.#unwritten.delete(crowd);
      if (crowd.write(mayWrite)) continue;
      this.#unwritten.add(crowd);
      break;
    }
    if (this.#unwritten.size > 0) this.#loop.ask(this);
  }
}
