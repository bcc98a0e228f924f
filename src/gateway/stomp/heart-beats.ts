import { closeCodes } from "../../wire/close-codes.ts";
import { StompFault } from "../../wire/stomp/fault.ts";
import type { ClientSocket } from "../clients/client.ts";
import type { Timed, TimerWheel } from "../clients/timer-wheel.ts";
import type { StompSurroundings } from "./surroundings.ts";

/** What Warren offers and asks for in CONNECTED: as often as the client likes, but not more often than this. */
export const heartBeatMs = 1000;
/** How much later than promised a client's heart-beat may come: networks and browsers' timers are late. */
const patienceFactor = 2;
/** How long before it is due a beat goes out, since the wheel's slots are coarse. */
const marginMs = 250;

/** What was agreed on, in milliseconds; 0 is none. */
export interface Agreement {
  /** Warren sends something at least this often. */
  readonly outgoingMs: number;
  /** The client sends something at least this often. */
  readonly incomingMs: number;
}

/**
 * What follows from the heart-beat header of a CONNECT ("can send every,wants every" in milliseconds).
 *
 * @throws StompFault if it is malformed
 */
export function agreementOn(header: string | undefined): Agreement {
  if (header === undefined) return { outgoingMs: 0, incomingMs: 0 };
  const [, canSend, wants] = /^\s*(\d{1,9})\s*,\s*(\d{1,9})\s*$/.exec(header) ?? [];
  if (canSend === undefined || wants === undefined)
    throw new StompFault('heart-beat is two numbers of milliseconds, such as "10000,10000"');
  const agreed = (ms: number) => (ms === 0 ? 0 : Math.max(ms, heartBeatMs));
  return { outgoingMs: agreed(Number(wants)), incomingMs: agreed(Number(canSend)) };
}

/** What heart-beats do. */
export interface HeartBeatActions {
  /** Sends one. */
  beat(): void;
  /** Nothing came for too long. */
  silent(afterMs: number): void;
  /** Whether the client is read from at all: if not, its silence means nothing. */
  isHeard(): boolean;
}

/** One client's heart-beats. It sends them whatever else is sent: fan-out does not pass through here. */
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
 * @param fail is called when nothing came from it for too long
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
