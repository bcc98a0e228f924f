import { SeededRandom } from "../support/seeded-random.ts";
import { durationOf, type Fault } from "./faults.ts";

/** A fault and when it begins. */
export interface Planned {
  /** From the beginning of the run, in milliseconds. */
  readonly at: number;
  readonly fault: Fault;
  readonly lastsMs: number;
}

const firstAfterMs = 1500;
const pauseMs = [200, 6000] as const;
/** The second of two begins within this time after the first, in milliseconds. */
const togetherMs = 600;
/** The time between two deletions of the log, in which the new log gets records. */
const betweenLogsMs = 10_000;

/** The faults of one run, which follow from the seed: every third one comes with another. */
export function scheduleOf(seed: number, durationMs: number, faults: readonly Fault[]): readonly Planned[] {
  const random = new SeededRandom(seed);
  const planned: Planned[] = [];
  let lastLogAt = Number.NEGATIVE_INFINITY;
  const add = (at: number): number => {
    const fault = random.of(faults);
    const lastsMs = durationOf(random);
    if (fault.name === "log deleted") {
      if (at - lastLogAt < betweenLogsMs) return 0;
      lastLogAt = at;
    }
    planned.push({ at: Math.round(at), fault, lastsMs });
    return lastsMs;
  };
  for (let at = firstAfterMs; at < durationMs; ) {
    const lastsMs = add(at);
    if (random.isOnceIn(3)) add(at + random.below(togetherMs));
    // The next fault may begin while this one lasts.
    at += lastsMs * random.next() + pauseMs[0] + random.below(pauseMs[1] - pauseMs[0]);
  }
  return planned;
}
