import { type AbandonedGroup, abandonedAfterMs } from "../../groups.ts";
import type { GroupRecord } from "../topology/group-ledger.ts";
import type { QueueDepth } from "../topology/queue-look.ts";

/** How many are remembered. A program that names more is none of ours. */
const groupsMax = 1000;
/** That a group has processors is written again after this, in milliseconds. */
const seenAgainMs = 10 * 60_000;
/** What is known of a group is written again after this, so that the ledger never loses it, in milliseconds. */
const writtenAgainMs = 12 * 3_600_000;

interface Known {
  /** When a processor of it was last known to be there, here or by the ledger. */
  seenMs: number;
  recordedSeenMs: number;
  writtenMs: number;
  /** The depth at the last look; undefined before the first. */
  depth: QueueDepth | undefined;
}

/**
 * The groups that a manager knows, by the ledger and by what it hears of their processors. No I/O, no clock: moments are given in
 * milliseconds since 1970.
 */
export class KnownGroups {
  readonly #groups = new Map<string, Known>();

  get names(): readonly string[] {
    return [...this.#groups.keys()];
  }

  /** Takes a record of the ledger. A clock that is ahead does not make a group look alive in the future. */
  take({ group, seenMs, isRemoved, writtenMs }: GroupRecord, nowMs: number): void {
    if (isRemoved) {
      this.#groups.delete(group);
      return;
    }
    const seen = Math.min(seenMs, nowMs);
    const known = this.#groups.get(group);
    if (known === undefined) {
      if (this.#groups.size >= groupsMax) return;
      const written = Math.min(writtenMs, nowMs);
      this.#groups.set(group, { seenMs: seen, recordedSeenMs: seen, writtenMs: written, depth: undefined });
      return;
    }
    known.seenMs = Math.max(known.seenMs, seen);
    known.recordedSeenMs = Math.max(known.recordedSeenMs, seen);
    known.writtenMs = Math.max(known.writtenMs, Math.min(writtenMs, nowMs));
  }

  /** A processor of the group was heard lately. */
  heard(group: string, nowMs: number): void {
    const known = this.#groups.get(group);
    if (known !== undefined) known.seenMs = nowMs;
    else if (this.#groups.size < groupsMax)
      this.#groups.set(group, { seenMs: nowMs, recordedSeenMs: 0, writtenMs: 0, depth: undefined });
  }

  /** @param depth what RabbitMQ says of the group's queue; undefined: it has none, so the group is forgotten */
  looked(group: string, depth: QueueDepth | undefined, nowMs: number): void {
    const known = this.#groups.get(group);
    if (known === undefined) return;
    if (depth === undefined) {
      this.#groups.delete(group);
      return;
    }
    known.depth = depth;
    if (depth.consumers > 0) known.seenMs = nowMs;
  }

  /** What the ledger should have again, counted as written. */
  due(nowMs: number): readonly GroupRecord[] {
    const due: GroupRecord[] = [];
    for (const [group, known] of this.#groups) {
      const { seenMs, recordedSeenMs, writtenMs, depth } = known;
      if (depth === undefined) continue;
      if (seenMs - recordedSeenMs < seenAgainMs && nowMs - writtenMs < writtenAgainMs) continue;
      known.recordedSeenMs = seenMs;
      known.writtenMs = nowMs;
      due.push({ group, seenMs, isRemoved: false, writtenMs: nowMs });
    }
    return due;
  }

  /** Those that had no processor at the last look, nor for a long time before. */
  abandoned(nowMs: number): readonly AbandonedGroup[] {
    const abandoned: AbandonedGroup[] = [];
    for (const [group, { seenMs, depth }] of this.#groups) {
      if (depth === undefined || depth.consumers > 0 || nowMs - seenMs < abandonedAfterMs) continue;
      abandoned.push({ group, messages: depth.messages, seenMs });
    }
    return abandoned;
  }
}
