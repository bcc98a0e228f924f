import { eventKeys } from "../broker/events.ts";
import type { Untold } from "./untold.ts";

/** Some events, in two parts. */
export interface Asked {
  /** Those that ask whether a program listens, one of each kind, in order; with the earlier ones of the same connection. */
  readonly first: readonly Untold[];
  /** All others, in order. */
  readonly rest: readonly Untold[];
  /** Whether these ask about every kind of event that there is. */
  readonly isWhole: boolean;
}

/**
 * Chooses the events by which programs are asked whether they listen: the first one of each kind, with the earlier ones of the same
 * connection, so that each client's events stay in order. An end asks only if its beginning is not among these events: a program that
 * hears of both must not miss the end if the link is lost between them.
 *
 * @param asks the kinds that are asked by
 */
export function askingIn(events: readonly Untold[], asks: (event: Untold["event"]) => boolean): Asked {
  const asking = new Set<string>();
  const there = new Set<string>();
  /** The last event that goes first, of each connection that asks. */
  const untilAt = new Map<number, number>();
  let begun: ReadonlySet<number> | undefined;
  let lastAt = -1;
  for (let at = 0; at < events.length && asking.size < kindsCount; at++) {
    const { event, number } = events[at]!;
    if (asking.has(event)) continue;
    there.add(event);
    if (!asks(event)) continue;
    if (event === "disconnected") {
      begun ??= begunIn(events);
      if (begun.has(number)) continue;
    }
    asking.add(event);
    untilAt.set(number, at);
    lastAt = at;
  }
  const first: Untold[] = [];
  const rest: Untold[] = [];
  for (let at = 0; at <= lastAt; at++) {
    const event = events[at]!;
    (at <= (untilAt.get(event.number) ?? -1) ? first : rest).push(event);
  }
  for (let at = lastAt + 1; at < events.length; at++) rest.push(events[at]!);
  return { first, rest, isWhole: asking.size === there.size };
}

/** The connections that begin among these events. */
function begunIn(events: readonly Untold[]): ReadonlySet<number> {
  const begun = new Set<number>();
  for (const { event, number } of events) if (event === "connected") begun.add(number);
  return begun;
}

const kindsCount = 4;

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
