/** How many faults are shown. */
const shownMax = 20;

/** What one listener has got of one client. */
interface Seen {
  /** For each number, in which of the logs it was seen last. */
  readonly logs: number[];
  /** The highest number. */
  last: number;
  /** Its position in the log, if that is known. */
  lastAt: string;
}

/** One listener's view of the messages of many clients, each of which numbers its own from 0. No I/O. */
export class Sightings {
  readonly #seen = new Map<string, Seen>();
  #log = 0;
  duplicated = 0;
  /** The first messages that came twice, such as `c7:42`. */
  readonly repeats: string[] = [];
  /** First sightings that came after one with a higher number. */
  reordered = 0;
  /** The first of them. */
  readonly reorderings: Reordering[] = [];
  /** How many different messages have come. */
  count = 0;

  /** The next messages come from another log. It may repeat those of the previous log, but nothing within itself. */
  anotherLog(): void {
    this.#log++;
  }

  /** @param at the position in the log, if that is known */
  note(client: string, number: number, at = ""): void {
    let seen = this.#seen.get(client);
    if (seen === undefined) {
      seen = { logs: [], last: -1, lastAt: "" };
      this.#seen.set(client, seen);
    }
    const before = seen.logs[number];
    seen.logs[number] = this.#log;
    if (before === this.#log) {
      this.duplicated++;
      if (this.repeats.length < shownMax) this.repeats.push(`${client}:${number}`);
    }
    if (before !== undefined) return;
    this.count++;
    if (number < seen.last) {
      this.reordered++;
      const { last, lastAt } = seen;
      if (this.reorderings.length < shownMax)
        this.reorderings.push({ client, number, at, after: last, afterAt: lastAt });
    } else {
      seen.last = number;
      seen.lastAt = at;
    }
  }

  has({ client, number }: MessageKey): boolean {
    return this.#seen.get(client)?.logs[number] !== undefined;
  }

  *keys(): Generator<MessageKey> {
    for (const [client, { logs }] of this.#seen) {
      for (const number of logs.keys()) if (logs[number] !== undefined) yield { client, number };
    }
  }
}

/** A message that came after a later one of the same client. */
export interface Reordering extends MessageKey {
  /** Its position in the log; empty if that is not known. */
  readonly at: string;
  /** The later message's number and position. */
  readonly after: number;
  readonly afterAt: string;
}

export interface MessageKey {
  readonly client: string;
  readonly number: number;
}

/** `7:42` is the 42nd message of client 7. */
export function keyOf(text: string): MessageKey | undefined {
  const [, client, number] = /(\w+):(\d+)/.exec(text) ?? [];
  return client === undefined ? undefined : { client, number: Number(number) };
}

/** The longest silence between two events, in milliseconds, from `start` to the last event. */
export class Silence {
  #lastAt: number;
  longestMs = 0;

  constructor(now: number) {
    this.#lastAt = now;
  }

  event(now: number): void {
    this.longestMs = Math.max(this.longestMs, now - this.#lastAt);
    this.#lastAt = now;
  }
}
