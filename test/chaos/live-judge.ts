import { type Book, keyText, placeText, type Seen, type View } from "./book.ts";
import { type Era, placesOf, repeatsIn } from "./durable-judge.ts";
import type { Findings } from "./findings.ts";

/** How far a manager may be behind the log's end, in milliseconds. When the log is deleted, it misses that part. */
const behindMs = 5000;

/** The messages of one sender, or of one group in answer to that sender, in the order of one log. */
type Sayings = Map<string, Saying[]>;
/** What a log has, by place. */
type Log = ReadonlyMap<number, Pick<Seen, "said" | "id">>;
interface Saying {
  readonly number: number;
  readonly place: number;
  /** Whether it is a repeat. */
  readonly isRepeat: boolean;
}

/**
 * Judges what live readers got: everything in order as long as a connection lasts. What the reader's own manager has from a sender
 * it relays at once: of what is in a log, nothing is missing between two. All else is a part of the log, in one piece.
 */
export function judgeLive(book: Book, eras: readonly Era[], findings: Findings): void {
  const last = new Map(book.lastLog.map((recorded) => [recorded.place, recorded]));
  // A manager that has just started may give its clients a message again whose first copy it has not read. Durable readers get none of these.
  const held: readonly Log[] = [
    ...eras.slice(0, -1),
    new Map<number, Pick<Seen, "said" | "id">>([...eras.at(-1)!, ...last]),
  ];
  const repeats = repeatsIn(held);
  const logs = held.map((log) => sayingsOf(log, repeats));
  const inLog = new Set(eras.flatMap((era) => [...era.values()].map(({ said }) => said.key)));
  for (const view of book.views) {
    if (view.isDurable) continue;
    for (const [of, seen] of streamsOf(view)) {
      const { kind, sender } = seen[0]!.said;
      const isOwn = kind === "relayed" && view.connectedTo[seen[0]!.connection] === book.managerOf(sender);
      if (isOwn) checkRelayed(view, seen, inLog, findings);
      else if (!hasLostLog(book, view, seen)) checkFromLog(view, of, seen, logs, book, findings);
    }
  }
}

function sayingsOf(log: Log, repeats: ReadonlySet<unknown>): Sayings {
  const sayings: Sayings = new Map();
  for (const place of placesOf(log)) {
    const recorded = log.get(place)!;
    const { kind, sender, number } = recorded.said;
    const saying = { number, place, isRepeat: repeats.has(recorded) };
    const others = sayings.get(`${kind}/${sender}`);
    if (others === undefined) sayings.set(`${kind}/${sender}`, [saying]);
    else others.push(saying);
  }
  return sayings;
}

/** What came over each connection, by publisher. */
function* streamsOf({ seen }: View): Generator<[of: string, seen: readonly Seen[]]> {
  const streams = new Map<string, Seen[]>();
  for (const one of seen) {
    const { kind, sender } = one.said;
    const stream = streams.get(`${one.connection} ${kind}/${sender}`);
    if (stream === undefined) streams.set(`${one.connection} ${kind}/${sender}`, [one]);
    else stream.push(one);
  }
  for (const stream of streams.values()) yield [`${stream[0]!.said.kind}/${stream[0]!.said.sender}`, stream];
}

function checkRelayed(
  view: View,
  seen: readonly Seen[],
  inLog: ReadonlySet<string>,
  findings: Findings,
): void {
  const told = new Set<number>();
  let last = seen[0]!.said.number;
  for (const { said, connection } of seen) {
    const { sender, number, key } = said;
    if (told.has(number)) findings.repeated(view, `${key}, live, connection ${connection}`);
    else if (number < last) findings.reordered(view, `${key} after ${last}, live, connection ${connection}`);
    for (let between = last + 1; between < number; between++) {
      if (inLog.has(keyText("relayed", sender, between)))
        findings.missing(view, `relayed/${sender}:${between}, live, connection ${connection}`, 1);
    }
    told.add(number);
    last = Math.max(last, number);
  }
}

/** The end of a deleted log may not have reached all managers. */
function hasLostLog({ logLosses }: Book, view: View, seen: readonly Seen[]): boolean {
  const since = view.connectedAt[seen[0]!.connection]! - behindMs;
  return logLosses.some(({ from, to }) => to > since && from - behindMs < seen.at(-1)!.at);
}

/**
 * Where in the log it began is not known, so the part that fits best counts. What is there again, the manager leaves out, unless it
 * has not read the first one.
 */
function checkFromLog(
  view: View,
  of: string,
  seen: readonly Seen[],
  logs: readonly Sayings[],
  { logLosses }: Book,
  findings: Findings,
): void {
  const got = seen.map(({ said }) => said.number);
  let best: Fit = { length: 0, expected: undefined, sayings: [], at: 0 };
  for (const [index, log] of logs.entries()) {
    const sayings = log.get(of) ?? [];
    const goneAt = logLosses[index]?.to;
    if (isBeyond(seen, sayings, goneAt)) return;
    for (const [from, { number }] of sayings.entries()) {
      if (number !== got[0]) continue;
      const fit = fitOf(got, sayings, from);
      if (fit.length === got.length) return;
      if (fit.at === sayings.length && isBeyond(seen.slice(fit.length), sayings, goneAt)) return;
      if (fit.length >= best.length) best = fit;
    }
  }
  const number = got[best.length]!;
  const told = `${of}:${number} instead of ${best.expected}, after ${got[best.length - 1]}, live, connection ${seen[0]!.connection}; ${contextOf(got, best)}`;
  if (got.indexOf(number) < best.length) findings.repeated(view, told);
  else if (got.includes(best.expected ?? -1)) findings.reordered(view, told);
  else findings.missing(view, told, 1);
}

/**
 * Whether it lies beyond all that durable readers have read of a log before that was deleted. Nobody knows what was in the log there, so
 * only its order is judged.
 */
function isBeyond(
  seen: readonly Seen[],
  sayings: readonly Saying[],
  goneAt = Number.NEGATIVE_INFINITY,
): boolean {
  let last = sayings.reduce((most, { number }) => Math.max(most, number), -1);
  for (const { said, at } of seen) {
    if (said.number <= last || at > goneAt + behindMs) return false;
    last = said.number;
  }
  return true;
}

/** How much of what was got is in the log from somewhere on, and what should have come next. */
interface Fit {
  readonly length: number;
  readonly expected: number | undefined;
  /** The log, and where in it that should have come. */
  readonly sayings: readonly Saying[];
  readonly at: number;
}

const shownAround = 6;

/** What it got and what the log has around there; repeats in brackets. */
function contextOf(got: readonly number[], { length, sayings, at }: Fit): string {
  const around = <T>(all: readonly T[], middle: number) =>
    all.slice(Math.max(0, middle - shownAround), middle + shownAround);
  const inLog = around(sayings, at).map(({ number, place, isRepeat }) =>
    isRepeat ? `(${number}@${placeText(place)})` : `${number}@${placeText(place)}`,
  );
  return `got ${around(got, length).join(" ")}; the log has ${inLog.join(" ")}`;
}

function fitOf(got: readonly number[], sayings: readonly Saying[], from: number): Fit {
  const had = new Set<number>();
  let at = from;
  for (const [length, number] of got.entries()) {
    const fits = ({ number: said, isRepeat }: Saying) => said === number && !(isRepeat && had.has(said));
    while (sayings[at]?.isRepeat === true && !fits(sayings[at]!)) at++;
    if (sayings[at] === undefined || !fits(sayings[at]!))
      return { length, expected: sayings[at]?.number, sayings, at };
    had.add(number);
    at++;
  }
  return { length: got.length, expected: undefined, sayings, at };
}
