import { closeCodes } from "../../wire/close-codes.ts";
import { StompFault } from "../../wire/stomp/fault.ts";
import type { ClientSocket } from "../clients/client.ts";
import type { Timed, TimerWheel } from "../clients/timer-wheel.ts";
import type { StompSurroundings } from "./surroundings.ts";

/** The least interval of heart-beats that Warren offers and asks for in CONNECTED. Otherwise the client decides. */
export const heartBeatMs = 1000;
/** A client's heart-beat may take this many times as long as promised: networks and browsers' timers are late. */
const patienceFactor = 2;
/** A heart-beat is sent this long before it is due, since the wheel's resolution is low. */
const marginMs = 250;

/** The agreed intervals, in milliseconds; 0: no heart-beats. */
export interface Agreement {
  /** Warren sends something at least this often. */
  readonly outgoingMs: number;
  /** The client sends something at least this often. */
  readonly incomingMs: number;
}

/**
 * The agreement that follows from the heart-beat header of a CONNECT ("can send every,wants every" in milliseconds).
 *
 * @throws StompFault if it is malformed
 */
export function agreementOn(header: string | undefined): Agreement {
  if (header === undefined) return { outgoingMs: 0, incomingMs: 0 };
  const [, canSend, wants] = /^\s*(\d+)\s*,\s*(\d+)\s*$/.exec(header) ?? [];
  if (canSend === undefined || wants === undefined)
    throw new StompFault('heart-beat is two numbers of milliseconds, such as "10000,10000"');
  const agreed = (ms: number) => (ms === 0 ? 0 : Math.max(ms, heartBeatMs));
  return { outgoingMs: agreed(Number(wants)), incomingMs: agreed(Number(canSend)) };
}

/** The actions of heart-beats. */
export interface HeartBeatActions {
  /** Sends a heart-beat. */
  beat(): void;
  /** Called when nothing came for too long. */
  silent(afterMs: number): void;
  /** Whether the client is being read from. If not, its silence means nothing. */
  isHeard(): boolean;
}

/** The heart-beats of one client. They are sent whatever else is sent, since published messages do not pass this class. */
export class HeartBeats implements Timed {
  readonly #wheel: TimerWheel;
  readonly #agreement: Agreement;
  readonly #actions: HeartBeatActions;
  #heardMs: number;
  #beatMs: number;

  constructor(wheel: TimerWheel, agreement: Agreement, actions: HeartBeatActions) {
    this.#wheel = wheel;
    this.#agreement = agreement;
    this.#actions = actions;
    this.#heardMs = this.#beatMs = wheel.nowMs;
    wheel.add(this, this.#restMs(wheel.nowMs));
  }

  /** The client sent something. */
  heard(): void {
    this.#heardMs = this.#wheel.nowMs;
  }

  due(nowMs: number): number {
    const { outgoingMs, incomingMs } = this.#agreement;
    if (outgoingMs > 0 && nowMs - this.#beatMs >= outgoingMs - marginMs) {
      this.#beatMs = nowMs;
      this.#actions.beat();
    }
    if (!this.#actions.isHeard()) this.#heardMs = nowMs;
    if (incomingMs > 0 && nowMs - this.#heardMs > patienceFactor * incomingMs)
      this.#actions.silent(nowMs - this.#heardMs);
    return this.#restMs(nowMs);
  }

  stop(): void {
    this.#wheel.remove(this);
  }

  #restMs(nowMs: number): number {
    const { outgoingMs, incomingMs } = this.#agreement;
    const untilBeat =
      outgoingMs > 0 ? this.#beatMs + outgoingMs - marginMs - nowMs : Number.POSITIVE_INFINITY;
    const untilSilent =
      incomingMs > 0 ? this.#heardMs + patienceFactor * incomingMs - nowMs : Number.POSITIVE_INFINITY;
    return Math.min(untilBeat, untilSilent);
  }
}

/**
 * The heart-beats of a client that has just connected, if it wants any.
 *
 * @param fail called when nothing came from it for too long
 */
export function heartBeatsOf(
  socket: ClientSocket,
  agreement: Agreement,
  { wheel, holds, sent }: StompSurroundings,
  fail: (fault: StompFault) => void,
): HeartBeats | undefined {
  if (agreement.incomingMs === 0 && agreement.outgoingMs === 0) return undefined;
  return new HeartBeats(wheel, agreement, {
    beat: () => {
      socket.send("\n");
      sent(1);
    },
    silent: (afterMs) => fail(silence(afterMs)),
    isHeard: () => !holds.has(socket),
  });
}

function silence(afterMs: number): StompFault {
  return new StompFault(`no heart-beat came for ${Math.round(afterMs)} ms`, {
    reason: "heartBeat",
    close: closeCodes.silent,
  });
}
