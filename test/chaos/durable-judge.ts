import type { Book, Seen, View } from "./book.ts";
import { placeText } from "./book.ts";
import type { Findings } from "./findings.ts";
import { type Segment, segmentsOf, settleEras } from "./segments.ts";

/** A log from its declaration to its deletion, as the readers together saw it. */
export type Era = Map<number, Seen>;

/** The records with repeated ids, which were published or answered again. No client gets them (docs/protocol.md, "Once"). */
export function repeatsIn<T extends Pick<Seen, "id">>(
  logs: readonly ReadonlyMap<number, T>[],
): ReadonlySet<T> {
  const ids = new Set<string>();
  const repeats = new Set<T>();
  for (const log of logs) {
    for (const place of placesOf(log)) {
      const one = log.get(place)!;
      if (ids.has(one.id)) repeats.add(one);
      ids.add(one.id);
    }
  }
  return repeats;
}

/**
 * Judges what durable readers got. What the log held is what all of them saw of it together, and the two that read all of the
 * last log when the run is over. Each must have seen all of it that it asked for, once, in order, from where it began to where it ended.
 */
export function judgeDurable(book: Book, findings: Findings): Era[] {
  const eras: Era[] = Array.from({ length: book.logLosses.length + 1 }, () => new Map());
  const read = book.views
    .filter(({ isDurable }) => isDurable)
    .map((view) => ({ view, segments: segmentsOf(view, book, findings) }));
  settleEras(
    read.map(({ segments }) => segments),
    eras.length,
  );
  for (const { view, segments } of read) {
    for (const { era, seen } of segments) for (const one of seen) note(eras[era]!, one, view, findings);
  }
  const places = eras.map((era) => {
    const repeats = repeatsIn([era]);
    return placesOf(era).filter((place) => !repeats.has(era.get(place)!));
  });
  for (const { view, segments } of read) {
    for (const [index, segment] of segments.entries()) {
      checkOrder(view, segment, findings);
      const isLast = index === segments.length - 1;
      checkComplete(view, segment, isLast, book, eras[segment.era]!, places[segment.era]!, findings);
    }
    if (view.isOpen && segments.at(-1)?.era !== book.logLosses.length)
      findings.missing(view, "all of the last log, without a gap told", 1);
  }
  return eras;
}

function note(era: Era, seen: Seen, view: View, findings: Findings): void {
  const known = era.get(seen.place!);
  if (known === undefined) era.set(seen.place!, seen);
  else if (known.id !== seen.id)
    findings.conflict(
      view,
      `${placeText(seen.place!)} is ${seen.said.key} (${seen.id}), elsewhere ${known.said.key} (${known.id})`,
    );
}

/** Each position and each id comes once, over all connections together. */
function checkOrder(view: View, { seen }: Segment, findings: Findings): void {
  const places = new Set<number>();
  const ids = new Map<string, Seen>();
  let last = -1;
  for (const one of seen) {
    const { place, said, id } = one;
    const before = ids.get(id);
    if (before === undefined) ids.set(id, one);
    if (places.has(place!)) findings.repeated(view, `${said.key} at ${placeText(place!)}`);
    else if (before !== undefined)
      findings.repeated(
        view,
        `${said.key} at ${placeText(before.place!)}, connection ${before.connection}, and at ${placeText(place!)}, connection ${one.connection}`,
      );
    else if (place! < last)
      findings.reordered(view, `${said.key} at ${placeText(place!)} after ${placeText(last)}`);
    places.add(place!);
    last = Math.max(last, place!);
  }
}

function checkComplete(
  view: View,
  { isFromFirst, seen }: Segment,
  isLast: boolean,
  book: Book,
  era: Era,
  places: readonly number[],
  findings: Findings,
): void {
  const got = new Set(seen.map(({ place }) => place!));
  const from = isFromFirst ? 0 : seen[0]!.place!;
  const to =
    isLast && view.isOpen
      ? Number.POSITIVE_INFINITY
      : seen.reduce((max, { place }) => Math.max(max, place!), 0);
  const missing = places.filter(
    (place) =>
      place >= from &&
      place <= to &&
      !got.has(place) &&
      view.wants(book.topicOf(era.get(place)!.said.sender)),
  );
  if (missing.length === 0) return;
  const some = missing.slice(0, 5).map((place) => `${era.get(place)!.said.key} at ${placeText(place)}`);
  const more = missing.length > some.length ? `, … ${placeText(missing.at(-1)!)}` : "";
  findings.missing(view, `${some.join(", ")}${more}`, missing.length);
}

/** In the log's order. */
export function placesOf(log: ReadonlyMap<number, unknown>): number[] {
  return [...log.keys()].sort((one, other) => one - other);
}
