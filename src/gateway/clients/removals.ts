import type { LoopTime, Task } from "../../ops/loop-time.ts";
import { TurnBudget } from "../../ops/turn-budget.ts";
import { closeCodes } from "../../wire/close-codes.ts";
import type { ClientSocket } from "./client.ts";
import type { Holds } from "./holds.ts";

/** How many connections are closed in a turn of the event loop at most. Each takes a write, and tells all who count clients. */
const atOnceMax = 256;
/** The clock is read once for this many. */
const lookEach = 4;

/**
 * Closes connections that somebody wants removed. A client id may have thousands, so they are closed by turns. From the first turn on nothing
 * that they send is handled.
 */
export class Removals implements Task {
  readonly #loop: LoopTime;
  readonly #holds: Pick<Holds, "resumeForClose">;
  readonly #budget: TurnBudget;
  readonly #waiting = new Set<ClientSocket>();

  /** @param loop shares out the event loop's time */
  constructor(loop: LoopTime, holds: Pick<Holds, "resumeForClose">) {
    this.#loop = loop;
    this.#holds = holds;
    this.#budget = new TurnBudget(loop, atOnceMax, lookEach);
  }

  /** Closes a connection soon. */
  add(socket: ClientSocket): void {
    socket.data.seat.isClosing = true;
    this.#waiting.add(socket);
    this.#loop.ask(this);
  }

  /** The connection has ended. */
  forget(socket: ClientSocket): void {
    this.#waiting.delete(socket);
  }

  run(untilMs: number): void {
    this.#budget.start(untilMs);
    for (const socket of this.#waiting) {
      this.#close(socket);
      if (!this.#budget.goesOn()) break;
    }
    if (this.#waiting.size > 0) this.#loop.ask(this);
  }

  /** Closes all that wait, now. */
  finish(): void {
    for (const socket of this.#waiting) this.#close(socket);
    this.#loop.forget(this);
  }

  #close(socket: ClientSocket): void {
    this.#waiting.delete(socket);
    // A paused client could not answer the close frame.
    this.#holds.resumeForClose(socket);
    socket.close(closeCodes.removed.code, closeCodes.removed.reason);
  }
}
