import type { Server } from "bun";
import type { AnyMetric } from "../../ops/metrics.ts";
import type { Client, ClientSocket } from "../clients/client.ts";
import type { Holds } from "../clients/holds.ts";
import type { Roster } from "../clients/roster.ts";
import { Seat } from "../clients/seat.ts";
import type { TimerWheel } from "../clients/timer-wheel.ts";
import type { Refused } from "../guards/refusals.ts";
import { Admission, type AdmissionOptions } from "./admission.ts";
import { HalfSent, type HalfSentOptions } from "./half-sent.ts";
import { Liveness, type LivenessOptions } from "./liveness.ts";
import { MessageRate, type MessageRateOptions } from "./message-rate.ts";
import { SocketBytes } from "./socket-bytes.ts";
import { Unsent } from "./unsent.ts";

/** What clients may do, and how much. */
export interface LimitOptions extends AdmissionOptions, MessageRateOptions, LivenessOptions {}

/** Limits what one client may take from the others: a seat, the time to read its messages, and an open file once it has gone. */
export class Limits {
  readonly #admission: Admission;
  readonly #rate: MessageRate;
  readonly #liveness: Liveness;
  readonly #halfSent: HalfSent;
  readonly #unsent: Unsent;

  /**
   * @param clients all connected clients
   * @param kept is told how much more is kept for a client, in bytes
   */
  constructor(
    options: LimitOptions & HalfSentOptions,
    wheel: TimerWheel,
    holds: Holds,
    clients: Roster,
    kept: (bytes: number) => void,
  ) {
    this.#admission = new Admission(options);
    this.#rate = new MessageRate(options, wheel, holds);
    const sockets = SocketBytes.open();
    this.#liveness = new Liveness(options, wheel, holds, clients, sockets);
    this.#unsent = new Unsent(sockets);
    this.#halfSent = new HalfSent(options, wheel, holds, clients, sockets, this.#unsent, kept);
  }

  get metrics(): readonly AnyMetric[] {
    return [...this.#admission.metrics, ...this.#rate.metrics, ...this.#liveness.metrics];
  }

  /** Returns a seat for a client without WebSocket that only listens, or why there is none. A seat has to be given back, once. */
  takeListenersSeat(request: Request, server: Server<Client>): Seat | Refused {
    return this.#admission.takeSeat(request, server);
  }

  /** Returns a seat for a client that asks to connect, or why there is none. A seat has to be given back, once. */
  takeSeat(request: Request, server: Server<Client>, isWithoutToken: boolean): Seat | Refused {
    const seat = this.#admission.takeSeat(request, server, isWithoutToken);
    if (seat instanceof Seat) this.#halfSent.expect(seat, request, server);
    return seat;
  }

  /** The client on this seat has an id. If tokens are needed, it has shown a valid one. */
  identified(seat: Seat): void {
    this.#admission.showed(seat);
  }

  giveBackSeat(seat: Seat): void {
    this.#halfSent.left(seat);
    this.#admission.giveBackSeat(seat);
  }

  /** A client is connected now. */
  opened(): void {
    this.#liveness.joined();
    this.#halfSent.joined();
  }

  /** The client's subscriptions have changed. It may be patient from now on, or no longer (`Client.isPatient`). */
  patienceChanged(socket: ClientSocket): void {
    this.#unsent.changed(socket);
  }

  /** A message of the client is complete, whatever becomes of it. */
  read({ data: { seat } }: ClientSocket, body: string | Buffer): void {
    if (seat.watched !== undefined) seat.watched.inflow.message(body);
  }

  /** Whether the client's input is no longer accepted. */
  refuses(socket: ClientSocket): boolean {
    return this.#rate.refuses(socket);
  }

  /**
   * Counts towards the client's rate.
   *
   * @param messages how many messages this counts as
   */
  count(socket: ClientSocket, messages: number, bytes: number): void {
    this.#rate.count(socket, messages, bytes);
  }

  /** Nothing more is read from any client, so waiting input is handled without regard to rates. */
  liftRate(): void {
    this.#rate.lift();
  }

  /** The client answered a ping, sent something, or read something that had waited for it. */
  heard(socket: ClientSocket): void {
    this.#liveness.heard(socket);
  }

  /** The client sent a ping, which Bun answers. It costs as much as a message. */
  pinged(socket: ClientSocket, data: Buffer): void {
    this.#liveness.heard(socket);
    socket.data.seat.watched?.inflow.control(data);
    this.#rate.countControl(socket, data.length);
  }

  /** The client sent a pong. An unrequested one counts as a message. */
  ponged(socket: ClientSocket, data: Buffer): void {
    socket.data.seat.watched?.inflow.control(data);
    if (socket.data.seat.pingsUnanswered === 0) this.#rate.countControl(socket, data.length);
    this.#liveness.heard(socket);
  }

  /** The client is no longer connected. */
  closed({ data: { seat } }: ClientSocket): void {
    this.#liveness.left();
    this.giveBackSeat(seat);
  }
}
