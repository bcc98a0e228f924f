import type { Message } from "../../message.ts";
import type { LoopTime, Task } from "../../ops/loop-time.ts";
import { TurnBudget } from "../../ops/turn-budget.ts";
import type { ClientSocket } from "./client.ts";

/** How many connections a message is sent to as it comes, and how many in each further turn of the event loop. Each is a write. */
const atOnceMax = 256;
/** The clock is read once for this many. */
const lookEach = 16;

/**
 * Messages that are addressed to one client. A client id may have thousands of connections, so those that do not fit into one turn of the
 * event loop get the message in the next ones. Only one message waits like that: before the next one, it is sent to all.
 */
export class Addressed implements Task {
  readonly #loop: LoopTime;
  readonly #budget: TurnBudget;
  #message: Message | undefined;
  /** The connections that have yet to get the message. */
  readonly #rest = new Set<ClientSocket>();
  /** How often a message was sent to a connection. */
  sentCount = 0;

  /** @param loop shares out the event loop's time */
  constructor(loop: LoopTime) {
    this.#loop = loop;
    this.#budget = new TurnBudget(loop, atOnceMax, lookEach);
  }

  /** Whether a message still waits for its turn. The next one should wait, too. */
  get isSending(): boolean {
    return this.#rest.size > 0;
  }

  /** Sends a message to a client's connections. */
  send(message: Message, connections: Iterable<ClientSocket>): void {
    this.finish();
    this.#budget.start();
    for (const socket of connections) {
      if (this.#budget.take()) this.#sendTo(socket, message);
      else this.#rest.add(socket);
    }
    if (!this.isSending) return;
    this.#message = message;
    this.#loop.ask(this);
  }

  /** Sends what waits, however long that takes. */
  finish(): void {
    for (const socket of this.#rest) this.#sendNext(socket);
  }

  run(untilMs: number): void {
    this.#budget.start(untilMs);
    for (const socket of this.#rest) {
      this.#sendNext(socket);
      if (!this.#budget.goesOn()) break;
    }
    if (this.isSending) this.#loop.ask(this);
    else this.#message = undefined;
  }

  #sendNext(socket: ClientSocket): void {
    this.#rest.delete(socket);
    // It may have closed meanwhile.
    if (socket.readyState === WebSocket.OPEN) this.#sendTo(socket, this.#message!);
  }

  #sendTo(socket: ClientSocket, message: Message): void {
    this.sentCount++;
    socket.data.direct(socket, message);
  }
}
