import type { LogWindow } from "../../log/window.ts";
import { Members } from "./members.ts";
import type { DurableSubscription } from "./subscription.ts";

/** How long gathered messages may wait before they are written, in milliseconds. */
const unwrittenMsMax = 8;

/** What happens to subscriptions that read what is in memory. */
export interface WalkEvents {
  /** Whether those that have read everything may follow new records now. Otherwise they wait, and `Walks.wake` is called when they may. */
  mayFollow(): boolean;
  /** It has read everything, so it follows new records. */
  reachedEnd(subscription: DurableSubscription): void;
  /** The record that it was to read next is no longer in memory. */
  fellBehind(subscription: DurableSubscription): void;
  /** The log has begun anew. It is to begin with this record of it. */
  restarts(subscription: DurableSubscription, sequence: number): void;
  /** Its client has to read first. It goes on with this record. */
  parked(subscription: DurableSubscription, sequence: number): void;
  /** `count` messages were written. */
  delivered(count: number): void;
}

/** What a walker meets on its way. */
export interface Way {
  /** It is at this record, and has read nothing of it: a walker that waits there may join. */
  at(sequence: number): void;
  /** These came while it was within this record, and have yet to read it. It has gone on. */
  left(sequence: number, members: Members): void;
}

/** Subscriptions that read together what is in memory, starting at the same record. */
export class Walker {
  members: Members;
  /** Those that came while the others had paused within the record. They begin with it when the others have gone on. */
  #late: Members | undefined;
  /** The sequence number of the next record. */
  sequence: number;
  /** The block of the log in which it is the walker that moves; undefined if it is in none. See `Walks`. */
  block: number | undefined;
  /** Whether it is one of those that move. */
  isMoving = false;
  readonly #window: LogWindow;
  readonly #events: WalkEvents;
  /** When the first of the gathered messages came. */
  #gatheredAtMs: number | undefined;
  readonly #now: () => number;

  /** @param members begin there; nobody yet if absent */
  constructor(
    sequence: number,
    window: LogWindow,
    events: WalkEvents,
    now: () => number,
    members = new Members(now),
  ) {
    this.sequence = sequence;
    this.members = members;
    this.#window = window;
    this.#events = events;
    this.#now = now;
  }

  /** How many subscriptions it has. */
  get size(): number {
    return this.members.size + (this.#late?.size ?? 0);
  }

  /** Its subscriptions, in the groups in which they read. */
  get groups(): readonly Members[] {
    return this.#late === undefined ? [this.members] : [this.members, this.#late];
  }

  /** Whether it has paused within a record. */
  get isWithin(): boolean {
    return this.members.unfinished !== undefined;
  }

  /** Adds a subscription that reads on with the walker's record. */
  add(subscription: DurableSubscription): void {
    if (this.isWithin) this.#latecomers.add(subscription);
    else this.members.add(subscription);
  }

  /** Whether there is nothing to do before the next record comes. */
  get rests(): boolean {
    const { isSettled, hasUnwritten } = this.members;
    if (this.sequence < this.#window.end || hasUnwritten) return false;
    return isSettled || !this.#events.mayFollow();
  }

  /**
   * Reads on, up to `untilSequence` at most.
   *
   * @param untilMs when to pause
   */
  run(untilSequence: number, untilMs: number, way: Way): void {
    this.#admitLate();
    if (this.sequence < this.#window.begin && !this.isWithin) {
      this.members.letOut(untilMs, this.#events.fellBehind);
      return;
    }
    while (true) {
      way.at(this.sequence);
      if (this.members.isFull && !this.#write(untilMs)) return;
      const { unfinished } = this.members;
      if (this.sequence >= untilSequence && unfinished === undefined) break;
      // One that is unfinished may no longer be in memory.
      const record = unfinished ?? this.#window.at(this.sequence);
      if (record === undefined) break;
      this.#events.delivered(this.members.gather(record, untilMs, this.#onSlow));
      if (this.isWithin) break;
      this.#goOn(way);
      if (this.#now() >= untilMs) break;
    }
    if (this.isWithin) this.#writeWhatIsDue(untilMs);
    else if (this.sequence === this.#window.end) this.#releaseSettled(untilMs);
    else if (this.sequence >= untilSequence) this.#write(untilMs);
    else this.#writeWhatIsDue(untilMs);
  }

  /** Takes over the subscriptions of another walker that has come to the same record. At most one of the two may be within it. */
  absorb(other: Walker): void {
    // The smaller group joins the larger one, or waits for one that is within the record.
    if (!this.isWithin && (other.isWithin || other.members.size > this.members.size)) {
      const larger = other.members;
      other.members = this.members;
      this.members = larger;
    }
    (this.isWithin ? this.#latecomers : this.members).absorb(other.members);
    if (other.#late !== undefined) this.#latecomers.absorb(other.#late);
    this.#gatheredAtMs ??= other.#gatheredAtMs;
  }

  get #latecomers(): Members {
    this.#late ??= new Members(this.#now);
    return this.#late;
  }

  /** If all others have left within the record, those that are late begin with it. */
  #admitLate(): void {
    if (this.isWithin || this.#late === undefined) return;
    this.members.absorb(this.#late);
    this.#late = undefined;
  }

  /** The record is read. Those that came meanwhile do not come along. */
  #goOn(way: Way): void {
    const late = this.#late;
    this.#late = undefined;
    const { sequence } = this;
    this.sequence++;
    if (late !== undefined && late.size > 0) way.left(sequence, late);
  }

  #releaseSettled(untilMs: number): void {
    if (!this.#write(untilMs) || !this.#events.mayFollow()) return;
    this.members.releaseSettled(
      untilMs,
      (subscription) => this.#events.reachedEnd(subscription),
      this.#onSlow,
    );
  }

  /** Writes seldom, since few large writes are cheaper than many small ones. */
  #writeWhatIsDue(untilMs: number): void {
    if (!this.members.hasUnwritten) return;
    const nowMs = this.#now();
    this.#gatheredAtMs ??= nowMs;
    if (nowMs - this.#gatheredAtMs >= unwrittenMsMax) this.#write(untilMs);
  }

  #write(untilMs: number): boolean {
    if (!this.members.write(untilMs, this.#onSlow)) return false;
    this.#gatheredAtMs = undefined;
    return true;
  }

  /** Within a record it goes on with the rest of that, otherwise with the next one. */
  readonly #onSlow = (subscription: DurableSubscription) => this.#events.parked(subscription, this.sequence);
}
