/** Somebody who has wanted something is likely to want more: for so long everything is read at once. In milliseconds. */
const wantedForMs = 1000;
/** Fewer records than this in a second are read at once in any case: to wait would save nothing. */
const manyInSecond = 100;

/** How long what nobody has wanted of late may lie unread, in milliseconds: with clients that may want the next record, and with none. */
const patience = { withClientsMs: 10, withoutClientsMs: 100 } as const;

/** Whether anybody here wants what comes by the log, and how long it may lie unread if not. */
export class Interest {
  #wantedAtMs = Number.NEGATIVE_INFINITY;
  /** Records of the second that has begun last, and of the one before. */
  #count = 0;
  #countBefore = 0;
  #sinceMs = Number.NEGATIVE_INFINITY;

  /** A record has come. */
  came(nowMs: number): void {
    this.#look(nowMs);
    this.#count++;
  }

  /** Somebody here has wanted what came. */
  wanted(nowMs: number): void {
    this.#wantedAtMs = nowMs;
  }

  /** How long what comes next may lie unread, in milliseconds. */
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
