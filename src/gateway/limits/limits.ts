import type { AnyMetric } from "../../ops/metrics.ts";
import type { ClientSocket } from "../client.ts";
import type { Holds } from "../holds.ts";
import type { TimerWheel } from "../timer-wheel.ts";
import { Admission, type AdmissionOptions, type Overcrowding } from "./admission.ts";
import { MessageRate, type MessageRateOptions } from "./message-rate.ts";
import { Presence } from "./presence.ts";
import { Seat } from "./seat.ts";

export interface LimitOptions extends AdmissionOptions, MessageRateOptions {}

/** What one client may take from the others: a place, the time to read its messages, and an open file once it has gone. */
export class Limits {
  readonly #admission: Admission;
  readonly #rate: MessageRate;
  readonly #presence: Presence;
  readonly #wheel: TimerWheel;

  constructor(options: LimitOptions, wheel: TimerWheel, holds: Holds) {
    this.#admission = new Admission(options);
    this.#rate = new MessageRate(options, wheel, holds);
    this.#presence = new Presence(wheel, holds);
    this.#wheel = wheel;
  }

  get metrics(): readonly AnyMetric[] {
    return [...this.#admission.metrics, ...this.#rate.metrics, ...this.#presence.metrics];
  }

  /**
   * A seat for whoever asks to connect, or why there is none. Whoever takes one gives it back, once.
   *
   * @param peerOf the address that it connects from, which is not asked for in vain
   */
  takeSeat(request: Request, peerOf: () => string | undefined): Seat | Overcrowding {
    const admitted = this.#admission.admit(peerOf, () => request.headers.get("x-forwarded-for"));
    if (typeof admitted === "string") return admitted;
    const { messages, bytes } = this.#rate.full;
    return new Seat(admitted.address, messages, bytes, this.#wheel.nowMs);
  }

  giveBackSeat(seat: Seat): void {
    this.#admission.left(seat.address);
  }

  opened(socket: ClientSocket): void {
    this.#presence.watch(socket);
  }

  /** The client sent a message. */
  message(socket: ClientSocket, body: string | Buffer): void {
    this.#presence.heard(socket);
    this.#rate.count(socket, body.length);
  }

  /** The client answered a ping, or took what had waited for it. */
  heard(socket: ClientSocket): void {
    this.#presence.heard(socket);
  }

  closed(socket: ClientSocket): void {
    this.#presence.forget(socket);
    this.giveBackSeat(socket.data.seat);
  }
}
