/** Of what is wrong, the first few are shown. */
const shownMax = 20;

/** What was seen of one client. */
interface Seen {
  /** By number, in which of the logs it was seen last. Not seen: absent. */
  readonly logs: number[];
  /** The highest number. */
  last: number;
  /** Where in the log it was, if that is known. */
  lastAt: string;
}

/** One listener's view of the messages of many clients, each of which numbers its own from 0. No I/O. */
export class Sightings {
  readonly #seen = new Map<string, Seen>();
  #log = 0;
  duplicated = 0;
  /** The first of what came twice: `c7:42`. */
  readonly repeats: string[] = [];
  /** First sightings that came after one with a higher number. */
  reordered = 0;
  /** The first of them. */
  readonly reorderings: Reordering[] = [];
  /** Different messages seen. */
  count = 0;

  /** What comes next is read from another log, which may have again what the one before had: within this one nothing may come twice. */
  anotherLog(): void {
    this.#log++;
  }

  /** @param at where in the log, if that is known */
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
  /** Where in the log; empty where that is not known. */
  readonly at: string;
  /** The later one's number, and place. */
  readonly after: number;
  readonly afterAt: string;
}

export interface MessageKey {
  readonly client: string;
  readonly number: number;
}

/** `7:42` is what client 7 sent as its 42nd message. */
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
