/** A client that has just wanted something is likely to want more: for this long, everything is read at once. In milliseconds. */
const wantedForMs = 1000;
/** Below this rate, in records a second, everything is read at once: waiting would save nothing. */
const manyInSecond = 100;

/**
 * How long records may lie unread if no client has wanted any lately, in milliseconds: with clients that may want the next record, and
 * without clients.
 */
const patience = { withClientsMs: 10, withoutClientsMs: 100 } as const;

/** Tracks whether any client here wants records of the log, and how long they may lie unread if not. */
export class Interest {
  #wantedAtMs = Number.NEGATIVE_INFINITY;
  /** Counts the records of the current second and of the one before. */
  #count = 0;
  #countBefore = 0;
  #sinceMs = Number.NEGATIVE_INFINITY;

  /** A record has come. */
  came(nowMs: number): void {
    this.#look(nowMs);
    this.#count++;
  }

  /** A client here wanted the record. */
  wanted(nowMs: number): void {
    this.#wantedAtMs = nowMs;
  }

  /** How long the next record may lie unread, in milliseconds. */
  patienceMs(nowMs: number, hasClients: boolean): number {
    this.#look(nowMs);
    const isWanted = nowMs - this.#wantedAtMs < wantedForMs;
    if (isWanted || Math.max(this.#count, this.#countBefore) < manyInSecond) return 0;
    return hasClients ? patience.withClientsMs : patience.withoutClientsMs;
  }

  #look(nowMs: number): void {
    const passedMs = nowMs - this.#sinceMs;
    if (passedMs < 1000) return;
    this.#countBefore = passedMs < 2000 ? this.#count : 0;
    this.#count = 0;
    this.#sinceMs = nowMs;
  }
}
