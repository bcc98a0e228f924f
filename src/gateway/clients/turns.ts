import type { LoopTime, Task } from "../../ops/loop-time.ts";
import { Batch, type Deliveries } from "./batch.ts";
import type { ClientSocket } from "./client.ts";
import type { Holds } from "./holds.ts";

/** The clock is looked at once for this many pieces of input that are obeyed as they come. */
const lookEach = 4;
/** How long a client for which something waits is served before the next one. */
const sliceMs = 1;
/** How long a client is served that has not been served since something of it waits: most of these have little. */
const firstSliceMs = 0.25;

/**
 * Decides whose input is obeyed when. What comes is obeyed at once for the first few milliseconds of a turn of the event loop. After that it
 * waits, and so does the input of a client that something holds back (its rate, a full outbox, its token). Clients with
 * waiting input are not read from, so that no more waits than was read, and are served by turns, in slices.
 *
 * A full batch of messages to many clients ends both of these before their time is over (see `Batch`).
 *
 * A slice ends between two pieces of input (a plain-text message, a frame, a message of a transaction), so it is longer than
 * it may be by at most one of these.
 */
export class Turns implements Task {
  readonly #holds: Holds;
  readonly #loop: LoopTime;
  readonly #batch: Batch;
  readonly #onLeft: (socket: ClientSocket) => void;
  /** Those that have not been served yet since something of them waits, and all others. In both the first is next. */
  readonly #fresh = new Set<ClientSocket>();
  readonly #rest = new Set<ClientSocket>();
  /** Their connection has ended, and what was read from them is still obeyed. */
  readonly #leaving = new Set<ClientSocket>();
  /** The turn of the event loop in which input was obeyed last, and until when it is obeyed as it comes in that. */
  #turn = -1;
  #untilMs = 0;
  /** When the time of the client that is being served is over. */
  #sliceUntilMs: number | undefined;
  #looks = 0;
  #whenSettled: (() => void)[] = [];
  /** The client whose input was obeyed last. */
  #served: ClientSocket | undefined;

  /**
   * @param onLeft called when nothing waits any more of a client that has `left`
   * @param loop whose time obeying takes
   * @param deliveries what comes of obeying
   */
  constructor(holds: Holds, onLeft: (socket: ClientSocket) => void, loop: LoopTime, deliveries: Deliveries) {
    this.#batch = new Batch(deliveries);
    this.#holds = holds;
    this.#loop = loop;
    this.#onLeft = onLeft;
    holds.watch({
      freed: (socket) => this.#enlist(socket),
      forgotten: (socket) => this.#finish(socket),
    });
  }

  /** Whether a client's next piece of input may be obeyed now. What may not has to `wait`. */
  mayGoOn(socket: ClientSocket): boolean {
    if (socket.data.seat.isClosing || this.#holds.stops(socket)) return false;
    const loop = this.#loop;
    const batch = this.#batch;
    if (this.#sliceUntilMs !== undefined) {
      if (batch.isFull || loop.now() >= this.#sliceUntilMs) return false;
    } else if (this.#turn !== loop.turn) {
      this.#untilMs = loop.begin();
      this.#turn = loop.turn;
      this.#looks = 0;
      batch.begin();
    } else if (batch.isFull) return false;
    else if (this.#looks++ % lookEach === 0 && loop.now() >= this.#untilMs) {
      // No client goes on before the end of this turn.
      this.#looks = 0;
      return false;
    }
    batch.add();
    this.#served = socket;
    return true;
  }

  /** Whether input of the client waits: what comes then has to wait after it. */
  isWaiting(socket: ClientSocket): boolean {
    return this.#holds.isHeld(socket, "turn");
  }

  /** Input of the client waits until `goOn` is called, and nothing is read from it till then. */
  wait(socket: ClientSocket): void {
    if (socket.data.seat.isClosing || this.isWaiting(socket)) return;
    this.#holds.hold(socket, "turn");
    if (this.#holds.stops(socket)) return;
    const hasBeenServed = socket === this.#served && this.#turn === this.#loop.turn;
    (hasBeenServed ? this.#rest : this.#fresh).add(socket);
    this.#loop.ask(this);
  }

  /** The client's connection has ended. True if something of it waits: `onLeft` is called later then. */
  left(socket: ClientSocket): boolean {
    if (!this.isWaiting(socket)) return false;
    this.#leaving.add(socket);
    return true;
  }

  /** Resolves when no input waits any more, or after `timeoutMs`: true if none does. */
  async settle(timeoutMs: number): Promise<boolean> {
    if (this.#isSettled) return true;
    const settled = Promise.withResolvers<void>();
    this.#whenSettled.push(settled.resolve);
    const timer = setTimeout(settled.resolve, timeoutMs);
    await settled.promise;
    clearTimeout(timer);
    return this.#isSettled;
  }

  get #isSettled(): boolean {
    return this.#holds.countOf("turn") === 0;
  }

  /** Serves clients for which something waits: those with little first, and one of the others in any case. */
  run(untilMs: number): void {
    const { now } = this.#loop;
    const batch = this.#batch;
    batch.begin();
    for (const socket of this.#fresh) {
      if (batch.isFull || now() >= untilMs) break;
      this.#serve(socket, firstSliceMs);
    }
    for (const socket of this.#rest) {
      if (batch.isFull) break;
      this.#serve(socket, sliceMs);
      if (now() >= untilMs) break;
    }
    if (this.#fresh.size + this.#rest.size > 0) this.#loop.ask(this);
  }

  #serve(socket: ClientSocket, ms: number): void {
    this.#fresh.delete(socket);
    this.#rest.delete(socket);
    if (!this.isWaiting(socket) || this.#holds.stops(socket)) return;
    this.#sliceUntilMs = this.#loop.now() + ms;
    let isMore = false;
    // What it is answered is written as one, as it is while Bun hands over what has come.
    socket.cork(() => {
      isMore = socket.data.goOn(socket);
    });
    this.#sliceUntilMs = undefined;
    if (!isMore) {
      this.#holds.release(socket, "turn");
      this.#finish(socket);
    } else this.#enlist(socket);
  }

  #enlist(socket: ClientSocket): void {
    if (!this.isWaiting(socket) || this.#holds.stops(socket)) return;
    this.#rest.add(socket);
    this.#loop.ask(this);
  }

  #finish(socket: ClientSocket): void {
    this.#fresh.delete(socket);
    this.#rest.delete(socket);
    if (this.#leaving.delete(socket)) this.#onLeft(socket);
    if (this.#whenSettled.length === 0 || !this.#isSettled) return;
    for (const settled of this.#whenSettled.splice(0)) settled();
  }
}
