import type { Metric } from "../../ops/metrics.ts";
import type { ClientSocket } from "../client.ts";
import { closeCodes } from "../close-codes.ts";
import type { Holds } from "../holds.ts";
import type { Timed, TimerWheel } from "../timer-wheel.ts";
import type { Seat } from "./seat.ts";

/** A client that keeps within its rate for so long has stopped flooding. */
const reformedMs = 1000;
/** How often to look who may go on. */
const lookEveryMs = 250;

export interface MessageRateOptions {
  /** 0 is any number. */
  readonly maxMessagesPerSecond: number;
  /** 0 is any number. */
  readonly maxBytesPerSecond: number;
  /** How long a client may go on sending as fast as it is let. In milliseconds; 0 is for ever. */
  readonly floodTimeout: number;
}

/**
 * How much a client may send: so many messages and bytes a second on average, and a second's worth at once. One that sends
 * more is not read from until that would have been in time, which slows it down by TCP and harms nobody, and is
 * closed if it goes on like that. A message costs a comparison and two subtractions; the time is the wheel's.
 */
export class MessageRate implements Timed {
  readonly #messagesMax: number;
  readonly #bytesMax: number;
  readonly #floodTimeoutMs: number;
  readonly #holds: Holds;
  readonly #wheel: TimerWheel;

  constructor(options: MessageRateOptions, wheel: TimerWheel, holds: Holds) {
    const { maxMessagesPerSecond, maxBytesPerSecond, floodTimeout } = options;
    this.#messagesMax = maxMessagesPerSecond || Number.POSITIVE_INFINITY;
    this.#bytesMax = maxBytesPerSecond || Number.POSITIVE_INFINITY;
    this.#floodTimeoutMs = floodTimeout || Number.POSITIVE_INFINITY;
    this.#holds = holds;
    this.#wheel = wheel;
  }

  readonly metrics: readonly Metric[] = [
    {
      name: "warren_clients_over_rate",
      type: "gauge",
      help: "Clients not read from because they sent more than they may in a second.",
      read: () => this.#holds.countOf("rate"),
    },
  ];

  /** A seat's allowance in the beginning. */
  get full(): { readonly messages: number; readonly bytes: number } {
    return { messages: this.#messagesMax, bytes: this.#bytesMax };
  }

  /** The client sent a message. */
  count(socket: ClientSocket, length: number): void {
    const { seat } = socket.data;
    const { nowMs } = this.#wheel;
    if (seat.countedMs !== nowMs) this.#refill(seat, nowMs);
    seat.messagesLeft -= 1;
    seat.bytesLeft -= length;
    if (seat.messagesLeft < 0 || seat.bytesLeft < 0) this.#overdrawn(socket, seat, nowMs);
  }

  /** Lets those go on who have waited long enough. */
  due(nowMs: number): number {
    for (const socket of this.#holds.heldFor("rate")) {
      const { seat } = socket.data;
      this.#refill(seat, nowMs);
      seat.heldMs = nowMs;
      if (seat.messagesLeft > 0 && seat.bytesLeft > 0) this.#holds.release(socket, "rate");
    }
    if (this.#holds.countOf("rate") === 0) this.#wheel.remove(this);
    return lookEveryMs;
  }

  #refill(seat: Seat, nowMs: number): void {
    const seconds = (nowMs - seat.countedMs) / 1000;
    seat.countedMs = nowMs;
    seat.messagesLeft = Math.min(this.#messagesMax, seat.messagesLeft + seconds * this.#messagesMax);
    seat.bytesLeft = Math.min(this.#bytesMax, seat.bytesLeft + seconds * this.#bytesMax);
  }

  #overdrawn(socket: ClientSocket, seat: Seat, nowMs: number): void {
    // Bun hands over what it had read already.
    if (this.#holds.isHeld(socket, "rate")) return;
    if (nowMs - seat.heldMs > reformedMs) seat.floodSinceMs = nowMs;
    seat.heldMs = nowMs;
    if (nowMs - seat.floodSinceMs >= this.#floodTimeoutMs) {
      // What it has sent meanwhile must be read, or the system would answer that with a reset instead of the close frame.
      this.#holds.letGo(socket);
      socket.close(closeCodes.flood.code, closeCodes.flood.reason);
      return;
    }
    if (this.#holds.countOf("rate") === 0) this.#wheel.add(this, lookEveryMs);
    this.#holds.hold(socket, "rate");
  }
}
