import { Deque } from "../../collections/deque.ts";
import type { LoopTime, Task } from "../../ops/loop-time.ts";
import { TurnBudget } from "../../ops/turn-budget.ts";
import type { ClientSocket } from "./client.ts";

/** What is told at once in a turn of the event loop. Each may be a write of its own, which takes some microseconds. */
const atOnceMax = 256;
/** What is told between two looks at the clock. */
const lookEach = 32;
/** What those that wait may keep together: beyond it the oldest are told, however long that takes. In bytes. */
const bytesMax = 8 * 1024 ** 2;

/** Something that is to be told, and what is kept for that, in bytes. */
interface Untold {
  readonly socket: ClientSocket | undefined;
  readonly bytes: number;
  readonly tell: () => void;
}

/**
 * What clients are told of the messages that RabbitMQ has confirmed. One confirm may be for all that is on its way, sixteen thousand
 * messages, and to write as many receipts would take a tenth of a second: so what is more than some hundred of them is told at the end of the
 * turn of the event loop and in the next ones, all in the order in which it became known.
 */
export class Receipts implements Task {
  readonly #loop: LoopTime;
  readonly #waiting = new Deque<Untold>();
  #bytes = 0;
  readonly #atOnce: TurnBudget;
  readonly #later: TurnBudget;

  /** @param loop whose time telling takes */
  constructor(loop: LoopTime) {
    this.#loop = loop;
    this.#atOnce = new TurnBudget(loop, atOnceMax, lookEach);
    this.#later = new TurnBudget(loop, Number.POSITIVE_INFINITY, lookEach);
  }

  /** Whether nobody waits to be told. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /**
   * Tells a client, now or soon.
   *
   * @param socket the client's; undefined for something that does not write to a socket
   * @param bytes what is kept until it is told, unless that is counted elsewhere
   * @param tell writes to the client; it may have gone by then
   */
  tell(socket: ClientSocket | undefined, bytes: number, tell: () => void): void {
    this.#atOnce.join();
    if (this.isEmpty && this.#atOnce.take()) {
      tell();
      return;
    }
    this.#waiting.push({ socket, bytes, tell });
    this.#bytes += bytes;
    while (this.#bytes > bytesMax) this.#tellNext();
    if (!this.isEmpty) this.#loop.ask(this);
  }

  /** Tells all that wait. */
  tellAll(): void {
    while (!this.isEmpty) this.#tellNext();
  }

  run(untilMs: number): void {
    this.#later.start(untilMs);
    for (let next = this.#waiting.at(0); next !== undefined; next = this.#waiting.at(0)) {
      const { socket } = next;
      // What one client is told is written as one.
      if (socket === undefined) this.#tellThoseOf(socket);
      else socket.cork(() => this.#tellThoseOf(socket));
      // A socket that is closed may not call back.
      if (this.#waiting.at(0) === next) this.#tellNext();
      if (this.#later.isOver) break;
    }
    if (!this.isEmpty) this.#loop.ask(this);
  }

  #tellThoseOf(socket: ClientSocket | undefined): void {
    for (
      let next = this.#waiting.at(0);
      next !== undefined && next.socket === socket;
      next = this.#waiting.at(0)
    ) {
      this.#tellNext();
      if (!this.#later.goesOn()) return;
    }
  }

  #tellNext(): void {
    const { bytes, tell } = this.#waiting.shift()!;
    this.#bytes -= bytes;
    tell();
  }
}
