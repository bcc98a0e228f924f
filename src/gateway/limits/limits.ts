import type { Server } from "bun";
import type { AnyMetric } from "../../ops/metrics.ts";
import type { Client, ClientSocket } from "../client.ts";
import type { Holds } from "../holds.ts";
import type { Roster } from "../roster.ts";
import type { TimerWheel } from "../timer-wheel.ts";
import { Admission, type AdmissionOptions, type Overcrowding } from "./admission.ts";
import { MessageRate, type MessageRateOptions } from "./message-rate.ts";
import { Presence, type PresenceOptions } from "./presence.ts";
import type { Seat } from "./seat.ts";

export interface LimitOptions extends AdmissionOptions, MessageRateOptions, PresenceOptions {}

/** What one client may take from the others: a place, the time to read its messages, and an open file once it has gone. */
export class Limits {
  readonly #admission: Admission;
  readonly #rate: MessageRate;
  readonly #presence: Presence;

  /** @param clients all that are connected */
  constructor(options: LimitOptions, wheel: TimerWheel, holds: Holds, clients: Roster) {
    this.#admission = new Admission(options);
    this.#rate = new MessageRate(options, wheel, holds);
    this.#presence = new Presence(options, wheel, holds, clients);
  }

  get metrics(): readonly AnyMetric[] {
    return [...this.#admission.metrics, ...this.#rate.metrics, ...this.#presence.metrics];
  }

  /** A seat for whoever asks to connect, or why there is none. Whoever takes one gives it back, once. */
  takeSeat(request: Request, server: Server<Client>, isWithoutToken: boolean): Seat | Overcrowding {
    return this.#admission.takeSeat(request, server, isWithoutToken);
  }

  /** The client on this seat has an id: where tokens are needed, it has shown one. */
  identified(seat: Seat): void {
    this.#admission.showed(seat);
  }

  giveBackSeat(seat: Seat): void {
    this.#admission.giveBackSeat(seat);
  }

  /** A client is connected now. */
  opened(): void {
    this.#presence.joined();
  }

  /** Whether what the client sends is not taken any more. */
  refuses(socket: ClientSocket): boolean {
    return this.#rate.refuses(socket);
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

  /** It is connected no more. */
  closed({ data: { seat } }: ClientSocket): void {
    this.#presence.left();
    this.giveBackSeat(seat);
  }
}
