import type { LoopTime, Task } from "../../ops/loop-time.ts";
import { Batch, type Deliveries } from "./batch.ts";
import type { ClientSocket } from "./client.ts";
import type { Holds } from "./holds.ts";

/** The clock is read once for this many pieces of input that are handled as they come, and after a piece that led to many deliveries. */
const lookEach = 4;
/** How long a client with much input is served before it is the next one's turn. In milliseconds. */
const sliceMs = 1;
/**
 * The same for a client with little, in milliseconds of CPU time. The clock would not do: on a busy machine other processes take the core
 * for longer than that within a single message.
 */
const lightSliceMs = 0.25;
/**
 * A client has little input until it has had this many slices since some of it waits. What they took would not do: a collection of garbage,
 * or what Bun writes to others in between, takes milliseconds, and would be laid to the charge of the client that is just being served.
 */
const lightSlices = 4;
/** A client has much input if this many pieces of it were handled as they came, in the same turn of the event loop. */
const lightPieces = 16;
/** Clients with little input are served for at least this time in each turn, if there are so many. In milliseconds of CPU time. */
const lightRunMs = 2;

/** How long a client is served: until this time, and on until the thread has taken this much CPU time. In milliseconds. */
interface Slice {
  readonly untilMs: number;
  readonly untilWorkedMs: number;
}

/**
 * Decides when clients' input is handled. Input is handled as it comes for the first few milliseconds of a turn of the event loop. After
 * that it waits, and so does the input of a client that is held back (by its rate, a full outbox, or its token). Clients with waiting input
 * are not read from, so that no more waits than was read already. They are served in turns, in slices.
 *
 * A full batch of messages to many clients ends both before their time is over (see `Batch`).
 *
 * Clients with little input are served first, so each of them waits for no more than a slice of each of the others, whatever those with
 * much do. Among these it would wait for fifty turns while fifty clients flood, and then have much itself: all that it sent meanwhile.
 *
 * A slice ends between two pieces of input (a plain-text message, a frame, a message of a transaction), so it may exceed its time by at
 * most one of these.
 */
export class Turns implements Task {
  readonly #holds: Holds;
  readonly #loop: LoopTime;
  readonly #batch: Batch;
  readonly #onLeft: (socket: ClientSocket) => void;
  /** Clients with little waiting input, and those with much. In both sets the first is next. */
  readonly #light = new Set<ClientSocket>();
  readonly #heavy = new Set<ClientSocket>();
  /** How many slices clients have had since they have waiting input. Those that had none are not listed. */
  readonly #slices = new Map<ClientSocket, number>();
  /** Clients whose connection has ended, and whose input is still to be handled. */
  readonly #leaving = new Set<ClientSocket>();
  /** The last turn of the event loop in which input was handled, and until when it is handled as it comes in that turn. */
  #turn = -1;
  #untilMs = 0;
  /** The slice of the client that is being served. */
  #slice: Slice | undefined;
  #looks = 0;
  #whenSettled: (() => void)[] = [];
  /** The client whose input was handled last, and how many pieces in a row. */
  #served: ClientSocket | undefined;
  #servedPieces = 0;

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
    if (this.#slice !== undefined) {
      const { untilMs, untilWorkedMs } = this.#slice;
      if (batch.isFull || (loop.now() >= untilMs && loop.worked() >= untilWorkedMs)) return false;
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
    this.#servedPieces = socket === this.#served ? this.#servedPieces + 1 : 1;
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
    const hadMuch =
      socket === this.#served && this.#servedPieces > lightPieces && this.#turn === this.#loop.turn;
    if (hadMuch) this.#slices.set(socket, lightSlices);
    this.#enlist(socket);
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

  /** Serves clients with waiting input: first those with little, and at least one of those with much. */
  run(untilMs: number): void {
    const { now } = this.#loop;
    const batch = this.#batch;
    batch.begin();
    if (batch.isStopped) {
      this.#loop.ask(this);
      return;
    }
    this.#runLight(untilMs);
    for (const socket of this.#heavy) {
      if (batch.isFull) break;
      this.#serve(socket, { untilMs: now() + sliceMs, untilWorkedMs: 0 });
      if (now() >= untilMs) break;
    }
    if (this.#light.size + this.#heavy.size > 0) this.#loop.ask(this);
  }

  #runLight(untilMs: number): void {
    if (this.#light.size === 0) return;
    const { now, worked } = this.#loop;
    let workedMs = worked();
    const untilWorkedMs = workedMs + lightRunMs;
    for (const socket of this.#light) {
      if (this.#batch.isFull || (now() >= untilMs && workedMs >= untilWorkedMs)) break;
      this.#slices.set(socket, this.#slicesOf(socket) + 1);
      this.#serve(socket, { untilMs: now() + lightSliceMs, untilWorkedMs: workedMs + lightSliceMs });
      workedMs = worked();
    }
  }

  #serve(socket: ClientSocket, slice: Slice): void {
    this.#remove(socket);
    if (!this.isWaiting(socket) || this.#holds.stops(socket)) return;
    this.#slice = slice;
    let isMore = false;
    // Answers are written in one piece, as they are while Bun hands over input.
    socket.cork(() => {
      isMore = socket.data.resumeInput(socket);
    });
    this.#slice = undefined;
    if (!isMore) {
      this.#holds.release(socket, "turn");
      this.#finish(socket);
    } else this.#enlist(socket);
  }

  #enlist(socket: ClientSocket): void {
    if (!this.isWaiting(socket) || this.#holds.stops(socket)) return;
    (this.#slicesOf(socket) < lightSlices ? this.#light : this.#heavy).add(socket);
    this.#loop.ask(this);
  }

  #slicesOf(socket: ClientSocket): number {
    return this.#slices.get(socket) ?? 0;
  }

  #remove(socket: ClientSocket): void {
    this.#light.delete(socket);
    this.#heavy.delete(socket);
  }

  #finish(socket: ClientSocket): void {
    this.#remove(socket);
    this.#slices.delete(socket);
    if (this.#leaving.delete(socket)) this.#onLeft(socket);
    if (this.#whenSettled.length === 0 || !this.#isSettled) return;
    for (const settled of this.#whenSettled.splice(0)) settled();
  }
}
