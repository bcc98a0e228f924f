import type { ClientSocket } from "../clients/client.ts";
import type { Holds } from "../clients/holds.ts";
import type { Timed, TimerWheel } from "../clients/timer-wheel.ts";

/** The time that a client has for something. It does not run out while the client is not read from. */
export class Deadline implements Timed {
  readonly #wheel: TimerWheel;
  readonly #holds: Holds;
  readonly #socket: ClientSocket;
  readonly #afterMs: number;
  readonly #missed: () => void;
  #atMs: number;

  constructor(
    { wheel, holds }: { readonly wheel: TimerWheel; readonly holds: Holds },
    socket: ClientSocket,
    afterMs: number,
    missed: () => void,
  ) {
    this.#wheel = wheel;
    this.#holds = holds;
    this.#socket = socket;
    this.#afterMs = afterMs;
    this.#missed = missed;
    this.#atMs = wheel.nowMs + afterMs;
    wheel.add(this, afterMs);
  }

  due(nowMs: number): number {
    // Nothing could have come while it is not read from, so its time starts again.
    if (this.#holds.has(this.#socket)) this.#atMs = nowMs + this.#afterMs;
    if (nowMs < this.#atMs) return this.#atMs - nowMs;
    this.#missed();
    return this.#afterMs;
  }

  met(): void {
    this.#wheel.remove(this);
  }
}
