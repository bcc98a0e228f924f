import { type AbandonedGroup, abandonedAfterMs } from "../../groups.ts";
import type { GroupRecord } from "../topology/group-ledger.ts";
import type { QueueDepth } from "../topology/queue-inspector.ts";

/** How many groups are remembered. Only a foreign program would name more. */
const groupsMax = 1000;
/** After this time it is recorded again that a group has processors, in milliseconds. */
const seenAgainMs = 10 * 60_000;
/** After this time a group's record is written again, so that the ledger never loses it, in milliseconds. */
const writtenAgainMs = 12 * 3_600_000;

interface Known {
  /** When one of its processors was last known to run, according to this process or the ledger. */
  seenMs: number;
  recordedSeenMs: number;
  writtenMs: number;
  /** The queue's depth at the last check; undefined before the first. */
  depth: QueueDepth | undefined;
}

/**
 * The groups that a manager knows, from the ledger and from their processors' announcements. No I/O, no clock: moments are given in
 * milliseconds since 1970.
 */
export class KnownGroups {
  readonly #groups = new Map<string, Known>();

  get names(): readonly string[] {
    return [...this.#groups.keys()];
  }

  /** Takes a record of the ledger. A clock that is ahead must not make a group look alive in the future. */
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

  /** A processor of the group was heard. */
  heard(group: string, nowMs: number): void {
    const known = this.#groups.get(group);
    if (known !== undefined) known.seenMs = nowMs;
    else if (this.#groups.size < groupsMax)
      this.#groups.set(group, { seenMs: nowMs, recordedSeenMs: 0, writtenMs: 0, depth: undefined });
  }

  /** @param depth RabbitMQ's answer about the group's queue; undefined: there is none, so the group is forgotten */
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

  /** Returns the records that the ledger needs again, and counts them as written. */
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

  /** The groups that had no consumer at the last check, and no processor for a long time before. */
  abandoned(nowMs: number): readonly AbandonedGroup[] {
    const abandoned: AbandonedGroup[] = [];
    for (const [group, { seenMs, depth }] of this.#groups) {
      if (depth === undefined || depth.consumers > 0 || nowMs - seenMs < abandonedAfterMs) continue;
      abandoned.push({ group, messages: depth.messages, seenMs });
    }
    return abandoned;
  }
}
