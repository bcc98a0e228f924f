import { eventKeys } from "../broker/events.ts";
import type { Gathered } from "./gathered.ts";

/** The events that ask. */
export interface Asked {
  /** The places of those that ask whether a program listens, one of each kind, with the earlier ones of the same connection. */
  readonly first: ReadonlySet<number>;
  /** Whether these ask about every kind of event that there is. */
  readonly isWhole: boolean;
}

/**
 * Chooses the events by which programs are asked whether they listen: the first one of each kind, with the earlier ones of the same
 * connection, so that each client's events stay in order. An end asks only if its beginning is not among these events: a program that
 * hears of both must not miss the end if the link is lost between them.
 *
 * Most of these events are of clients that came and went while nobody listens, and there may be very many: each is looked at once.
 *
 * @param asksByEnds whether ends ask, too
 */
export function askingIn(events: Gathered, asksByEnds: boolean): Asked {
  let seen = 0;
  let asking = 0;
  /** Connections are numbered as they begin: those from this one on begin among these events. */
  let begunFrom = Number.POSITIVE_INFINITY;
  /** The last event that goes first, of each connection that asks. */
  const untilAt = new Map<number, number>();
  let lastAt = -1;
  for (let at = 0; at < events.length && asking !== allKinds; at++) {
    const event = events.eventOf(at);
    const kind = bits[event];
    if ((asking & kind) !== 0) continue;
    const number = events.numberOf(at);
    seen |= kind;
    if (event === "connected") begunFrom = number;
    else if (event === "disconnected" && (!asksByEnds || number >= begunFrom)) continue;
    asking |= kind;
    untilAt.set(number, at);
    lastAt = at;
  }
  const first = new Set<number>();
  for (let at = 0; at <= lastAt; at++) if (at <= (untilAt.get(events.numberOf(at)) ?? -1)) first.add(at);
  return { first, isWhole: asking === seen };
}

const bits = { connected: 1, disconnected: 2, subscribed: 4, unsubscribed: 8 } as const;
const allKinds = 15;

/** A question to programs, whether they listen. */
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

  /** Whether a program listens to anything that was asked. */
  get isHeard(): boolean {
    for (const { asked, unheard } of this.#answers.values()) if (unheard < asked) return true;
    return false;
  }

  /** Whether it was asked who hears of clients that come. */
  get isOfConnected(): boolean {
    return this.#answers.has(eventKeys.connected);
  }
}
