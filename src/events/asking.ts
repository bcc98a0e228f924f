import { eventKeys } from "../broker/events.ts";
import type { Gathered } from "./gathered.ts";

/** How much one question may be. */
export interface QuestionLimits {
  /** How many waiting events it is about. */
  readonly eventsMax: number;
  /** How many events ask. */
  readonly probesMax: number;
}

/** What takes a short part of a turn of the event loop. The other events wait for the next question. */
export const questionLimits: QuestionLimits = { eventsMax: 2048, probesMax: 256 };

/** The same for a question about everything that waits. */
export function aboutAll(limits: QuestionLimits): QuestionLimits {
  return { ...limits, eventsMax: Number.POSITIVE_INFINITY };
}

/** The events that ask whether a program listens. */
export interface Asked {
  /** How many of the oldest events the question is about. */
  readonly count: number;
  /** Whether more events waited. */
  readonly isPart: boolean;
  /** The indexes of the first of them of each kind, and of earlier events of the same connections. */
  readonly first: ReadonlySet<number>;
  /** Whether they include every kind of event that the question is about. */
  readonly isWhole: boolean;
}

/**
 * Chooses the events by which programs are asked whether they listen: the first of each kind, with the earlier events of the same
 * connection, so that each client's events stay in order. A disconnect asks only if the connect is not among these events. Otherwise a
 * program could miss the disconnect, if the link is lost between them.
 *
 * Most of these events are of clients that came and went while no program listened, and there may be very many. So few of them are encoded: an
 * event that would ask together with very many earlier ones of its connection is left to the next question, with all that came after it.
 *
 * @param asksByEnds whether disconnects ask too
 */
export function askingIn(events: Gathered, asksByEnds: boolean, limits: QuestionLimits): Asked {
  let count = Math.min(events.length, limits.eventsMax);
  let probes = 0;
  let seen = 0;
  let asking = 0;
  /** Connections are numbered as they begin. Those from this number on begin among these events. */
  let begunFrom = Number.POSITIVE_INFINITY;
  /** For each connection that asks, its last event that has to go first. */
  const untilAt = new Map<number, number>();
  let lastAt = -1;
  for (let at = 0; at < count && asking !== allKinds; at++) {
    const event = events.eventOf(at);
    const kind = bits[event];
    if ((asking & kind) !== 0) continue;
    const number = events.numberOf(at);
    const isSilent = event === "disconnected" && (!asksByEnds || number >= begunFrom);
    if (!isSilent) {
      probes += countOf(events, number, (untilAt.get(number) ?? -1) + 1, at);
      if (probes > limits.probesMax && lastAt >= 0) {
        count = at;
        break;
      }
    }
    seen |= kind;
    if (event === "connected") begunFrom = number;
    else if (isSilent) continue;
    asking |= kind;
    untilAt.set(number, at);
    lastAt = at;
  }
  const first = new Set<number>();
  for (let at = 0; at <= lastAt; at++) if (at <= (untilAt.get(events.numberOf(at)) ?? -1)) first.add(at);
  return { count, isPart: count < events.length, first, isWhole: asking === seen };
}

/** How many events a connection has between these indexes, both included. */
function countOf(events: Gathered, number: number, from: number, to: number): number {
  let count = 0;
  for (let at = from; at <= to; at++) if (events.numberOf(at) === number) count++;
  return count;
}

const bits = { connected: 1, disconnected: 2, subscribed: 4, unsubscribed: 8 } as const;
const allKinds = 15;

/** The question whether programs listen. */
export class Question {
  readonly #answers = new Map<string, { asked: number; unheard: number }>();

  asked(key: string): void {
    const answer = this.#answers.get(key);
    if (answer === undefined) this.#answers.set(key, { asked: 1, unheard: 0 });
    else answer.asked++;
  }

  unheard(key: string): void {
    const answer = this.#answers.get(key);
    if (answer !== undefined) answer.unheard++;
  }

  /** Whether a program has got any of the events that asked. */
  get isHeard(): boolean {
    for (const { asked, unheard } of this.#answers.values()) if (unheard < asked) return true;
    return false;
  }

  /** Whether the question was about clients that connect. */
  get isOfConnected(): boolean {
    return this.#answers.has(eventKeys.connected);
  }
}
