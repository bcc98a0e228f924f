import type { ClientSocket } from "./client.ts";
import type { Holds } from "./holds.ts";

/** How long what comes is obeyed as it comes, in each turn of the event loop. In milliseconds. */
const directMs = 4;
/** Of this many pieces of input that are obeyed as they come, one looks at the clock. */
const lookEach = 4;
/** How long the clients for which something waits are served in each turn of the event loop, all together. */
const turnMs = 4;
/** How long one of them is served before the next one. */
const sliceMs = 1;
/** The same for a client that has not been served yet since something of it waits: most of these have little. */
const firstSliceMs = 0.25;

/**
 * Whose input is obeyed when. What comes is obeyed at once for the first few milliseconds of a turn of the event loop. After that it
 * waits, and so does the input of a client that something holds back (its rate, a full outbox, its token). Clients with
 * waiting input are not read from, so that no more waits than was read, and are served by turns, in slices.
 *
 * A slice ends between two pieces of input (a plain-text message, a frame, a message of a transaction), so it is longer than
 * it may be by at most one of these.
 */
export class Turns {
  readonly #holds: Holds;
  readonly #now: () => number;
  readonly #onLeft: (socket: ClientSocket) => void;
  /** Those that have not been served yet since something of them waits, and all others. In both the first is next. */
  readonly #fresh = new Set<ClientSocket>();
  readonly #rest = new Set<ClientSocket>();
  /** Their connection has ended, and what was read from them is still obeyed. */
  readonly #leaving = new Set<ClientSocket>();
  #immediate: NodeJS.Immediate | undefined;
  /** Until when input is obeyed; undefined if none has been in this turn of the event loop. */
  #untilMs: number | undefined;
  #isSlice = false;
  #looks = 0;
  #whenSettled: (() => void)[] = [];
  /** Whose input was obeyed last. */
  #served: ClientSocket | undefined;

  /**
   * @param onLeft called when nothing waits any more of a client that has `left`
   * @param now the time in milliseconds
   */
  constructor(holds: Holds, onLeft: (socket: ClientSocket) => void, now = () => performance.now()) {
    this.#holds = holds;
    this.#now = now;
    this.#onLeft = onLeft;
    holds.watch({
      freed: (socket) => this.#enlist(socket),
      forgotten: (socket) => this.#finish(socket),
    });
  }

  /** Whether a client's next piece of input may be obeyed now. What may not has to `wait`. */
  mayGoOn(socket: ClientSocket): boolean {
    if (socket.data.seat.isClosing || this.#holds.stops(socket)) return false;
    if (this.#untilMs === undefined) {
      this.#untilMs = this.#now() + directMs;
      this.#immediate ??= setImmediate(() => this.#turn());
    } else if ((this.#isSlice || this.#looks++ % lookEach === 0) && this.#now() >= this.#untilMs) {
      // No client goes on before the next turn of the event loop.
      this.#looks = 0;
      return false;
    }
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
    (socket === this.#served ? this.#rest : this.#fresh).add(socket);
    this.#immediate ??= setImmediate(() => this.#turn());
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

  #turn(): void {
    this.#immediate = undefined;
    this.#isSlice = true;
    const endMs = this.#now() + turnMs;
    for (const socket of this.#fresh) {
      if (this.#now() >= endMs) break;
      this.#serve(socket, firstSliceMs);
    }
    for (const socket of this.#rest) {
      this.#serve(socket, sliceMs);
      if (this.#now() >= endMs) break;
    }
    this.#isSlice = false;
    this.#untilMs = undefined;
    this.#served = undefined;
    this.#looks = 0;
    if (this.#fresh.size + this.#rest.size > 0) this.#immediate ??= setImmediate(() => this.#turn());
  }

  #serve(socket: ClientSocket, ms: number): void {
    this.#fresh.delete(socket);
    this.#rest.delete(socket);
    if (!this.isWaiting(socket) || this.#holds.stops(socket)) return;
    this.#untilMs = this.#now() + ms;
    let isMore = false;
    // What it is answered is written as one, as it is while Bun hands over what has come.
    socket.cork(() => {
      isMore = socket.data.goOn(socket);
    });
    if (!isMore) {
      this.#holds.release(socket, "turn");
      this.#finish(socket);
    } else this.#enlist(socket);
  }

  #enlist(socket: ClientSocket): void {
    if (!this.isWaiting(socket) || this.#holds.stops(socket)) return;
    this.#rest.add(socket);
    this.#immediate ??= setImmediate(() => this.#turn());
  }

  #finish(socket: ClientSocket): void {
    this.#fresh.delete(socket);
    this.#rest.delete(socket);
    if (this.#leaving.delete(socket)) this.#onLeft(socket);
    if (this.#whenSettled.length === 0 || !this.#isSettled) return;
    for (const settled of this.#whenSettled.splice(0)) settled();
  }
}
