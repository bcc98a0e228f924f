import { type Book, placeText, type Seen, type View } from "./book.ts";
import type { Findings } from "./findings.ts";

/** How long a manager may take to notice that the log was deleted, in milliseconds. */
const unawareMs = 15_000;

/** What a durable reader got between two gaps: a part of one era, in one piece. */
export interface Segment {
  /** The log that it is a part of, counted from 0: at least this one, until `settleEras` has found out. */
  era: number;
  /** At most this one. */
  readonly eraMost: number;
  /** It was told of a gap, or began with the log: so nothing of the era came before it. */
  readonly isFromFirst: boolean;
  readonly seen: Seen[];
}

/** Divides what a durable reader got. */
export function segmentsOf(view: View, { logLosses, sentAt }: Book, findings: Findings): Segment[] {
  const segments: Segment[] = [];
  let segment: Segment | undefined;
  const lostBy = (at: number) => logLosses.filter(({ from }) => from < at).length;
  for (const seen of view.seen) {
    // What was sent after a log had gone can only be in a later one.
    const sent = sentAt(seen.said.sender, seen.said.number);
    const eraLeast = logLosses.filter(({ to }) => to < sent).length;
    const era = segment?.era ?? 0;
    if (seen.isAfterGap) {
      const lost = lostBy(seen.at);
      if (segment !== undefined && era === lost) {
        const begunAt = view.connectedTo[segment.seen[0]!.connection];
        // A manager that learns of a new log later than another one tells its clients of the gap (docs/reliability.md).
        if (era > 0 && begunAt !== view.connectedTo[seen.connection]) findings.gapsToldAgain++;
        else findings.gapWithoutCause(view, `at ${placeText(seen.place!)}, ${seen.said.key}`);
      }
      const next = segment === undefined ? 0 : Math.min(era + 1, lost);
      segment = { era: Math.max(next, eraLeast), eraMost: lost, isFromFirst: true, seen: [] };
      segments.push(segment);
    } else if (segment === undefined) {
      const connectedAt = view.connectedAt[seen.connection]!;
      const known = Math.max(eraLeast, lostBy(connectedAt - unawareMs));
      segment = { era: known, eraMost: lostBy(connectedAt), isFromFirst: view.isFromFirst, seen: [] };
      segments.push(segment);
    }
    segment.era = Math.max(segment.era, eraLeast);
    segment.seen.push(seen);
  }
  return segments;
}

/** Finds out of which log each segment is where that is not certain: others have seen the same messages at the same places of it. */
export function settleEras(ofViews: readonly (readonly Segment[])[], eraCount: number): void {
  const eras = Array.from({ length: eraCount }, () => new Map<number, string>());
  const learn = ({ era, seen }: Segment) => {
    for (const { place, id } of seen) eras[era]!.set(place!, id);
  };
  const isCertain = ({ era, eraMost }: Segment) => era >= eraMost;
  for (const segments of ofViews) for (const segment of segments) if (isCertain(segment)) learn(segment);
  for (const segments of ofViews) {
    let least = 0;
    for (const segment of segments) {
      if (!isCertain(segment)) {
        segment.era = bestOf(segment, Math.max(least, segment.era), eras);
        learn(segment);
      }
      least = segment.era;
    }
  }
}

function bestOf({ eraMost, seen }: Segment, least: number, eras: readonly Map<number, string>[]): number {
  let best = least;
  let most = Number.NEGATIVE_INFINITY;
  for (let era = least; era <= eraMost; era++) {
    let agreed = 0;
    for (const { place, id } of seen) {
      const known = eras[era]!.get(place!);
      if (known !== undefined) agreed += known === id ? 1 : -1;
    }
    if (agreed > most) {
      best = era;
      most = agreed;
    }
  }
  return best;
}
