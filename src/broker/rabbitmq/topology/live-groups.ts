import type { Envelope } from "../../../envelope/envelope.ts";
import { groupNameFault } from "../../../group-name.ts";
import { markContentType } from "../../broker.ts";
import { groupMarks } from "./group-marks.ts";

/**
 * A processor announces its group in the log at this interval, in milliseconds. For that long, a manager that has just started may not know
 * of it.
 */
export const announceEveryMs = 2000;
/**
 * A processor counts as gone after this time without a sign of it, in which the log showed what others write. In milliseconds. One that
 * leaves says nothing of that: the next one of its group may come some seconds later, as in a restart, and until then its queue shall be
 * missed if somebody deletes it.
 */
const goneAfterMs = 30_000;
/** At most this much of the time between two records of the log is counted, in milliseconds. */
const shownMsMax = 5000;
/** How many groups, and processors of a group, are remembered. Only a foreign program would announce more. */
const groupsMax = 200;
const processorsMax = 1000;

/** Announcements older than this are ignored, in seconds: a manager that was away reads them late. Clocks may differ. */
const oldAfterSeconds = 120;

/**
 * The processor groups that a manager has heard of. No I/O, no clock: moments are given in milliseconds.
 *
 * A group is live while one of its processors was heard lately. Publishing then relies on the group's queue, which is declared again when
 * it is missing. A group that is not live may be removed by deleting its queue. As long as the queue exists, its binding is restored if that
 * has gone.
 */
export class LiveGroups {
  /** When each processor of each group was last heard, by the log's clock. */
  readonly #heard = new Map<string, Map<string, number>>();
  readonly #onGone: (group: string) => void;
  /** When something came by the log last. */
  #shownMs: number | undefined;
  /**
   * For how long the log has shown something, in milliseconds. While nobody can write into it, as in an alarm, or this process does not
   * read it, silence says nothing about processors.
   */
  #clockMs = 0;

  /** @param onGone called for a group whose processor has lost its queue */
  constructor(onGone: (group: string) => void) {
    this.#onGone = onGone;
  }

  /** Takes a mark of the log. Marks about anything else are ignored. */
  take(mark: Envelope, nowSeconds: number): void {
    const { contentType, routingKey: group, messageId, appId, timestamp = 0 } = mark;
    if (contentType !== markContentType || appId === undefined || groupNameFault(group) !== undefined) return;
    let processors = this.#heard.get(group);
    if (messageId === groupMarks.removed) processors?.clear();
    if (nowSeconds - timestamp > oldAfterSeconds) return;
    if (messageId === groupMarks.gone && processors !== undefined) this.#onGone(group);
    if (messageId !== groupMarks.here) return;
    if (processors === undefined) {
      if (this.#heard.size >= groupsMax) return;
      processors = new Map();
      this.#heard.set(group, processors);
    }
    if (processors.has(appId) || processors.size < processorsMax) processors.set(appId, this.#clockMs);
  }

  /** Something has come by the log. */
  shown(nowMs: number): void {
    this.#clockMs += Math.min(nowMs - (this.#shownMs ?? nowMs), shownMsMax);
    this.#shownMs = nowMs;
  }

  /** The log is followed again. Processors that were not heard meanwhile may still be there. */
  opened(): void {
    for (const processors of this.#heard.values())
      for (const processor of processors.keys()) processors.set(processor, this.#clockMs);
  }

  /** The groups of which a processor was heard lately. */
  live(): string[] {
    this.#forgetGone();
    return [...this.#heard.keys()].filter((group) => this.#heard.get(group)!.size > 0);
  }

  /** The groups of which a processor was heard, but none lately. */
  get abandoned(): string[] {
    return [...this.#heard.keys()].filter((group) => this.#heard.get(group)!.size === 0);
  }

  /** The group's queue does not exist any more. */
  removed(group: string): void {
    this.#heard.delete(group);
  }

  #forgetGone(): void {
    for (const processors of this.#heard.values())
      for (const [processor, heardMs] of processors)
        if (this.#clockMs - heardMs > goneAfterMs) processors.delete(processor);
  }
}
