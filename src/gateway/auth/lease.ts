import type { Timed, TimerWheel } from "../clients/timer-wheel.ts";
import type { Grant } from "./grant.ts";

/** Ends a connection when its token expires. */
export class Lease implements Timed {
  readonly #wheel: TimerWheel;
  readonly #end: () => void;
  #expiresAtMs: number;

  /** Undefined if the grant does not end. */
  static of({ expiresAtMs }: Grant, wheel: TimerWheel, end: () => void): Lease | undefined {
    return expiresAtMs === Number.POSITIVE_INFINITY ? undefined : new Lease(expiresAtMs, wheel, end);
  }

  private constructor(expiresAtMs: number, wheel: TimerWheel, end: () => void) {
    this.#wheel = wheel;
    this.#end = end;
    this.#expiresAtMs = expiresAtMs;
    wheel.add(this, expiresAtMs - Date.now());
  }

  /** The wheel calls before the end, once in a turn. The wheel's own time may stand still, but a token's does not. */
  due(): number {
    const leftMs = this.#expiresAtMs - Date.now();
    if (leftMs > 0) return leftMs;
    this.stop();
    this.#end();
    return 0;
  }

  stop(): void {
    this.#wheel.remove(this);
  }
}
