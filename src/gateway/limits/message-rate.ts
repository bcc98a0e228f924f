import type { Metric } from "../../ops/metrics.ts";
import { closeCodes } from "../../wire/close-codes.ts";
import type { ClientSocket } from "../clients/client.ts";
import type { Holds } from "../clients/holds.ts";
import type { Allowance } from "../clients/seat.ts";
import type { Timed, TimerWheel } from "../clients/timer-wheel.ts";

/** A client that keeps within its rate for this long has stopped flooding. */
const reformedMs = 1000;
/**
 * How many pings, and unrequested pongs, a client may send in a second. Bun hands over everything that it has read, however long that
 * takes, and that may be tens of thousands of them (docs/decisions.md has figures). Only closing the client stops that.
 */
const controlsMax = 1000;
/** How often held clients are checked. */
const lookEveryMs = 250;

/** How much clients may send in a second. */
export interface MessageRateOptions {
  /** 0: no limit. */
  readonly maxMessagesPerSecond: number;
  /** 0: no limit. */
  readonly maxBytesPerSecond: number;
  /** How long a client may keep sending at the limit. In milliseconds; 0: forever. */
  readonly floodTimeoutMs: number;
}

/**
 * Limits how much a client may send: messages and bytes a second on average, and a second's worth at once. A client that sends more is not
 * read from until that would have been in time. TCP then slows it down, without harm to others. If it goes on like that it is closed. A
 * message costs a comparison and two subtractions; the time comes from the timer wheel.
 */
export class MessageRate implements Timed {
  readonly #messagesMax: number;
  readonly #bytesMax: number;
  readonly #floodTimeoutMs: number;
  readonly #holds: Holds;
  readonly #wheel: TimerWheel;
  #isLifted = false;

  constructor(options: MessageRateOptions, wheel: TimerWheel, holds: Holds) {
    const { maxMessagesPerSecond, maxBytesPerSecond, floodTimeoutMs } = options;
    this.#messagesMax = maxMessagesPerSecond || Number.POSITIVE_INFINITY;
    this.#bytesMax = maxBytesPerSecond || Number.POSITIVE_INFINITY;
    this.#floodTimeoutMs = floodTimeoutMs || Number.POSITIVE_INFINITY;
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

  /**
   * The client has sent something, or earlier input is handled now.
   *
   * @param messages how many messages it counts as
   */
  count(socket: ClientSocket, messages: number, bytes: number): void {
    const { seat } = socket.data;
    const { nowMs } = this.#wheel;
    seat.allowance ??= this.#fullAt(nowMs);
    const { allowance } = seat;
    if (allowance.countedMs !== nowMs) this.#refill(allowance, nowMs);
    allowance.messages -= messages;
    allowance.bytes -= bytes;
    if (allowance.messages < 0 || allowance.bytes < 0) this.#overdrawn(socket, allowance, nowMs);
  }

  /** The client sent a ping, or an unrequested pong, which counts as a message. A client that sends very many is closed at once. */
  countControl(socket: ClientSocket, bytes: number): void {
    const { seat } = socket.data;
    if (seat.isClosing) return;
    this.count(socket, 1, bytes);
    if (--seat.allowance!.controls < 0 && !this.#isLifted) this.#close(socket);
  }

  /** Ends all limits, since everything that was read has to be handled now. */
  lift(): void {
    this.#isLifted = true;
    for (const socket of this.#holds.heldFor("rate")) {
      if (!this.refuses(socket)) this.#holds.release(socket, "rate");
    }
  }

  /** Whether the client will be closed, so that its further input is not accepted. */
  refuses({ data: { seat } }: ClientSocket): boolean {
    return seat.allowance !== undefined && seat.allowance.closesMs !== Number.POSITIVE_INFINITY;
  }

  /** Releases clients that have waited long enough. */
  due(nowMs: number): number {
    for (const socket of this.#holds.heldFor("rate")) {
      const allowance = socket.data.seat.allowance!;
      this.#refill(allowance, nowMs);
      allowance.heldMs = nowMs;
      if (nowMs >= allowance.closesMs) this.#close(socket);
      else if (
        allowance.closesMs === Number.POSITIVE_INFINITY &&
        allowance.messages > 0 &&
        allowance.bytes > 0
      )
        this.#holds.release(socket, "rate");
    }
    if (this.#holds.countOf("rate") === 0) this.#wheel.remove(this);
    return lookEveryMs;
  }

  #fullAt(nowMs: number): Allowance {
    return {
      messages: this.#messagesMax,
      bytes: this.#bytesMax,
      controls: controlsMax,
      countedMs: nowMs,
      floodSinceMs: 0,
      heldMs: Number.NEGATIVE_INFINITY,
      closesMs: Number.POSITIVE_INFINITY,
    };
  }

  #refill(allowance: Allowance, nowMs: number): void {
    const seconds = (nowMs - allowance.countedMs) / 1000;
    allowance.countedMs = nowMs;
    allowance.messages = Math.min(this.#messagesMax, allowance.messages + seconds * this.#messagesMax);
    allowance.bytes = Math.min(this.#bytesMax, allowance.bytes + seconds * this.#bytesMax);
    allowance.controls = Math.min(controlsMax, allowance.controls + seconds * controlsMax);
  }

  #overdrawn(socket: ClientSocket, allowance: Allowance, nowMs: number): void {
    if (this.#isLifted) return;
    // Bun still hands over what it had read. If the wait for that would be longer than a client may flood, the client is closed, but only
    // after that time: if it could reconnect at once it would flood even more.
    if (this.#debtMs(allowance) >= this.#floodTimeoutMs) allowance.closesMs = nowMs + this.#floodTimeoutMs;
    if (this.#holds.isHeld(socket, "rate")) return;
    if (nowMs - allowance.heldMs > reformedMs) allowance.floodSinceMs = nowMs;
    allowance.heldMs = nowMs;
    if (nowMs - allowance.floodSinceMs >= this.#floodTimeoutMs) {
      this.#close(socket);
      return;
    }
    if (this.#holds.countOf("rate") === 0) this.#wheel.add(this, lookEveryMs);
    this.#holds.hold(socket, "rate");
  }

  /** How long until everything it has sent would have been in time. */
  #debtMs({ messages, bytes }: Allowance): number {
    return 1000 * Math.max(secondsOf(-messages, this.#messagesMax), secondsOf(-bytes, this.#bytesMax));
  }

  #close(socket: ClientSocket): void {
    // Its further input must be read. Otherwise the system would answer it with a reset in place of the close frame.
    this.#holds.resumeForClose(socket);
    socket.close(closeCodes.flood.code, closeCodes.flood.reason);
  }
}

function secondsOf(debt: number, perSecond: number): number {
  return perSecond === Number.POSITIVE_INFINITY ? 0 : debt / perSecond;
}
