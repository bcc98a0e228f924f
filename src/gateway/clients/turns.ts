import type { LoopTime, Task } from "../../ops/loop-time.ts";
import { Batch, type Deliveries } from "./batch.ts";
import type { ClientSocket } from "./client.ts";
import type { Holds } from "./holds.ts";

/** The clock is read once for this many pieces of input that are handled as they come, and after a piece that led to many deliveries. */
const lookEach = 4;
/** How long a client with waiting input is served before it is the next one's turn. */
const sliceMs = 1;
/** The same for a client that is served for the first time since it has waiting input: most of these have little. */
const firstSliceMs = 0.25;

/**
 * Decides when clients' input is handled. Input is handled as it comes for the first few milliseconds of a turn of the event loop. After
 * that it waits, and so does the input of a client that is held back (by its rate, a full outbox, or its token). Clients with waiting input
 * are not read from, so that no more waits than was read already. They are served in turns, in slices.
 *
 * A full batch of messages to many clients ends both before their time is over (see `Batch`).
 *
 * A slice ends between two pieces of input (a plain-text message, a frame, a message of a transaction), so it may exceed its time by at
 * most one of these.
 */
export class Turns implements Task {
  readonly #holds: Holds;
  readonly #loop: LoopTime;
  readonly #batch: Batch;
  readonly #onLeft: (socket: ClientSocket) => void;
  /** Clients that were not served yet since they have waiting input, and all others. In both sets the first is next. */
  readonly #fresh = new Set<ClientSocket>();
  readonly #rest = new Set<ClientSocket>();
  /** Clients whose connection has ended, and whose input is still to be handled. */
  readonly #leaving = new Set<ClientSocket>();
  /** The last turn of the event loop in which input was handled, and until when it is handled as it comes in that turn. */
  #turn = -1;
  #untilMs = 0;
  /** When the slice of the client that is being served ends. */
  #sliceUntilMs: number | undefined;
  #looks = 0;
  #whenSettled: (() => void)[] = [];
  /** The client whose input was handled last. */
  #served: ClientSocket | undefined;

  /**
   * @param onLeft called when no input waits any more of a client that has `left`
   * @param loop shares out the event loop's time
   * @param deliveries counts the deliveries that input leads to
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

  /** Whether a client's next piece of input may be handled now. If not, call `wait`. */
  mayContinue(socket: ClientSocket): boolean {
    if (socket.data.seat.isClosing || this.#holds.stops(socket)) return false;
    const loop = this.#loop;
    const batch = this.#batch;
    if (batch.isStopped) return false;
    if (this.#sliceUntilMs !== undefined) {
      if (batch.isFull || loop.now() >= this.#sliceUntilMs) return false;
    } else if (this.#turn !== loop.turn) {
      this.#untilMs = loop.begin();
      this.#turn = loop.turn;
      this.#looks = 0;
      batch.begin();
    } else if (batch.isFull) return false;
    else if ((this.#looks++ % lookEach === 0 || batch.hasGrown) && loop.now() >= this.#untilMs) {
      // After this, no client may continue before the end of the turn.
      this.#looks = 0;
      return false;
    }
    batch.add();
    this.#served = socket;
    return true;
  }

  /** Whether input of the client waits, so that further input has to wait after it. */
  isWaiting(socket: ClientSocket): boolean {
    return this.#holds.isHeld(socket, "turn");
  }

  /** Has the client's input wait until `resumeInput` is called. Meanwhile the client is not read from. */
  wait(socket: ClientSocket): void {
    if (socket.data.seat.isClosing || this.isWaiting(socket)) return;
    this.#holds.hold(socket, "turn");
    if (this.#holds.stops(socket)) return;
    const hasBeenServed = socket === this.#served && this.#turn === this.#loop.turn;
    (hasBeenServed ? this.#rest : this.#fresh).add(socket);
    this.#loop.ask(this);
  }

  /** The client's connection has ended. Returns true if its input still waits; then `onLeft` is called later. */
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

  /** Serves clients with waiting input: first those with little, and at least one of the others. */
  run(untilMs: number): void {
    const { now } = this.#loop;
    const batch = this.#batch;
    batch.begin();
    if (batch.isStopped) {
      this.#loop.ask(this);
      return;
    }
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
    // Answers are written in one piece, as they are while Bun hands over input.
    socket.cork(() => {
      isMore = socket.data.resumeInput(socket);
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
