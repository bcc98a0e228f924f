import type { Supervised } from "../faults/supervised.ts";
import type { LogLine } from "../support/warren.ts";
import { type Group, groups, type Unaware } from "./book.ts";

/** The groups that a manager's publishing relies on from this line of its log on; undefined: the line is about something else. */
function reliedOn({ msg, exchange, groups }: LogLine): readonly unknown[] | undefined {
  const isIt = msg === "publishing relies on groups" && exchange === "wsmanager";
  return isIt && Array.isArray(groups) ? groups : undefined;
}

type Manager = Pick<Supervised, "starts" | "isRunning"> & {
  readonly process: { readonly log: readonly LogLine[] };
};

/** Finds out from a manager's log when it does not know a group: from each of its starts until it says that it relies on the group. */
export class Awareness {
  /** The last time of each group may still go on. */
  readonly unaware: Readonly<Record<Group, Unaware[]>> = { first: [], second: [] };
  readonly #manager: Manager;
  /** The number of the life that is looked at, and how many lines of its log were looked at. */
  #life = 0;
  #lookedAt = 0;

  constructor(manager: Manager) {
    this.#manager = manager;
  }

  /** Reads what is new in the log. Call it often. @param nowMs the time in milliseconds */
  look(nowMs: number): void {
    const { starts, isRunning } = this.#manager;
    if (!isRunning) return;
    if (starts !== this.#life) {
      for (const group of groups) {
        this.#knows(group, nowMs);
        this.unaware[group].push({ from: nowMs, to: Number.POSITIVE_INFINITY });
      }
      this.#life = starts;
      this.#lookedAt = 0;
    }
    const { log } = this.#manager.process;
    for (; this.#lookedAt < log.length; this.#lookedAt++) {
      const relied = reliedOn(log[this.#lookedAt]!);
      for (const group of groups) if (relied?.includes(group)) this.#knows(group, nowMs);
    }
  }

  #knows(group: Group, nowMs: number): void {
    const last = this.unaware[group].at(-1);
    if (last !== undefined) last.to = Math.min(last.to, nowMs);
  }
}
