import type { LoopTime, Task } from "../../ops/loop-time.ts";
import { Batch, type Deliveries } from "./batch.ts";
import type { ClientSocket } from "./client.ts";
import type { Holds } from "./holds.ts";
import { Levels } from "./levels.ts";

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
 * So many pieces of input may take up to `sliceMs` of CPU time in such a slice: more than those who talk send while they wait. Within the
 * time alone a single message may be all, with what Bun does in between, and a client with two of them would no longer be a newcomer.
 */
const lightSlicePieces = 4;
/**
 * A client has little input until it has had this many slices since some of it waits. What they took would not do: a collection of garbage,
 * or what Bun writes to others in between, takes milliseconds, and would be laid to the charge of the client that is just being served.
 */
const lightSlices = 4;
/** A client has much input if this many pieces of it were handled as they came, in the same turn of the event loop. */
const lightPieces = 16;
/** After this many turns whose batch those with less have filled, one of the others comes first. */
const fullTurnsMax = 4;
/** Clients with little input are served for at least this time in each turn, if there are so many. In milliseconds of CPU time. */
const lightRunMs = 2;

/** How long a client is served: until this time, and on until the thread has taken this much CPU time. In milliseconds. */
interface Slice {
  readonly untilMs: number;
  readonly untilWorkedMs: number;
  /** The next pieces of input, as many as this, are served until the thread has taken more CPU time, up to `latestWorkedMs`. */
  pieces: number;
  readonly latestWorkedMs: number;
}

/**
 * Decides when clients' input is handled. Input is handled as it comes for the first few milliseconds of a turn of the event loop. After
 * that it waits, and so does the input of a client that is held back (by its rate, a full outbox, or its token). Clients with waiting input
 * are not read from, so that no more waits than was read already. They are served in turns, in slices.
 *
 * A full batch of messages to many clients ends both before their time is over (see `Batch`).
 *
 * Clients with little input are served first: among those with much one would wait for fifty turns while fifty clients flood, and then
 * have much itself, all that it sent meanwhile. Of those with little, those that have had fewer slices are served first. So a client whose
 * input did not wait before is served after those alone that came before it and have had none either: one slice for each client at most,
 * however many of them flood. It has had none again once no input of it waits.
 *
 * A slice ends between two pieces of input (a plain-text message, a frame, a message of a transaction), so it may exceed its time by at
 * most one of these.
 */
export class Turns implements Task {
  readonly #holds: Holds;
  readonly #loop: LoopTime;
  readonly #batch: Batch;
  readonly #onLeft: (socket: ClientSocket) => void;
  /** Clients with waiting input. The highest level has those with much. */
  readonly #levels = new Levels(lightSlices);
  /** In how many turns in a row the batch was full before there was time for all levels. */
  #fullTurns = 0;
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
      if (batch.isFull || this.#isOver(this.#slice)) return false;
      this.#slice.pieces--;
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

  #isOver({ untilMs, untilWorkedMs, pieces, latestWorkedMs }: Slice): boolean {
    return (
      this.#loop.now() >= untilMs && this.#loop.worked() >= (pieces > 0 ? latestWorkedMs : untilWorkedMs)
    );
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
    if (hadMuch) this.#levels.setSlices(socket, lightSlices);
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

  /** Serves clients with waiting input: first those that have had least, and at least one of the others. */
  run(untilMs: number): void {
    const batch = this.#batch;
    batch.begin();
    if (!batch.isStopped) {
      const isOwed = this.#fullTurns >= fullTurnsMax;
      if (isOwed) this.#runPassedOver(0);
      const reached = this.#runLevels(untilMs);
      if (!isOwed && !batch.isFull) this.#runPassedOver(reached);
      this.#fullTurns = batch.isFull && reached < lightSlices && !isOwed ? this.#fullTurns + 1 : 0;
    }
    if (!this.#levels.isEmpty) this.#loop.ask(this);
  }

  /** Serves one level after the other while there is time. Returns the last one of which somebody was served. */
  #runLevels(untilMs: number): number {
    const { now, worked } = this.#loop;
    const untilWorkedMs = worked() + lightRunMs;
    let reached = -1;
    for (const [level, clients] of this.#levels.entries()) {
      const hasTime = () => now() < untilMs || (level < lightSlices && worked() < untilWorkedMs);
      for (const socket of clients) {
        if (this.#batch.isFull || !hasTime()) return reached;
        this.#serveOf(level, socket);
        reached = level;
      }
    }
    return reached;
  }

  /** Serves one client of a level above this one, if there is one, so that none waits for ever. */
  #runPassedOver(reached: number): void {
    const next = this.#levels.passedOver(reached);
    if (next !== undefined) this.#serveOf(...next);
  }

  #serveOf(level: number, socket: ClientSocket): void {
    const isLight = level < lightSlices;
    if (isLight) this.#levels.setSlices(socket, level + 1);
    const [nowMs, workedMs] = [this.#loop.now(), isLight ? this.#loop.worked() : 0];
    this.#serve(socket, {
      untilMs: nowMs + (isLight ? lightSliceMs : sliceMs),
      untilWorkedMs: isLight ? workedMs + lightSliceMs : 0,
      pieces: isLight ? lightSlicePieces : 0,
      latestWorkedMs: workedMs + sliceMs,
    });
  }

  #serve(socket: ClientSocket, slice: Slice): void {
    this.#levels.remove(socket);
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
    this.#levels.add(socket);
    this.#loop.ask(this);
  }

  #finish(socket: ClientSocket): void {
    this.#levels.forget(socket);
    if (this.#leaving.delete(socket)) this.#onLeft(socket);
    if (this.#whenSettled.length === 0 || !this.#isSettled) return;
    for (const settled of this.#whenSettled.splice(0)) settled();
  }
}
