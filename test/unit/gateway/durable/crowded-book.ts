import { direct } from "../../../../src/gateway/fan-out/encoding.ts";
import { isAfter, type Position, type Start } from "../../../../src/log/position.ts";
import type { CrowdedLog, patterns, Said } from "./crowded-log.ts";
import type { Got } from "./slow-client.ts";

/** What a client has asked for, and what it has read. */
export interface Asked {
  readonly clientId: string;
  readonly subscriptionId: string;
  readonly pattern: (typeof patterns)[number];
  readonly start: Start;
  /** After which place it wants everything, counted through all lives of the log; undefined while that is not known. */
  place: Position | undefined;
  /** The position after which it was told to go on when it was subscribed. */
  told: string | undefined;
  /** How far its manager had read when it asked, and when it was answered. Offsets. */
  askedAt: number;
  answeredAt: number;
  readonly got: Got[];
  /** The position up to which it has everything, as it was told: that of a message, or of the log's end where it was. */
  readTo: string | undefined;
  /** How much it had got when it first went on elsewhere after that, and so with everything after it. Infinite: it was at the log's end. */
  gotBefore: number;
}

/** @throws Error if it has not got everything that it wanted, once and in order, and been told exactly of what the log had dropped */
export function check(asked: Asked, log: CrowdedLog): void {
  const { start } = asked;
  const all = log.matching(asked.clientId, asked.pattern);
  if (start === "last" || (typeof start === "object" && "last" in start)) checkNewest(asked, all, log);
  else if (asked.place !== undefined) checkFrom(asked.place, asked, all, log.keptFromOfAll);
  else if (asked.got.length > 0) throw failure("got something without being told from where on", asked);
}

function checkFrom(place: Position, asked: Asked, all: readonly Said[], keptFrom: number): void {
  let wanted = all.filter((each) => !each.isExpired && isAfter(place, each.offset, each.index));
  let gotTo = place;
  for (const { text, isAfterGap } of asked.got) {
    const at = wanted.findIndex((each) => each.text === text);
    if (at < 0) throw failure(`${text} came twice, or out of order, or is not wanted`, asked);
    if (wanted.slice(0, at).some(({ offset }) => offset >= keptFrom))
      throw failure(`${wanted[0]!.text} is missing before ${text}`, asked);
    const isAtFirst = gotTo === place && asked.start === "first";
    if (at > 0 && !isAtFirst && !isAfterGap) throw failure(`not told of the gap before ${text}`, asked);
    if (isAfterGap && gotTo.offset >= keptFrom) throw failure(`told of a gap before ${text}`, asked);
    gotTo = wanted[at]!;
    wanted = wanted.slice(at + 1);
  }
  const missing = wanted.find(({ offset }) => offset >= keptFrom);
  if (missing !== undefined) throw failure(`${missing.text} is missing at the end`, asked);
}

/** The newest ones are those of some moment between the question and the answer. */
function checkNewest(asked: Asked, all: readonly Said[], { entries }: CrowdedLog): void {
  const offsets = entries.map(({ offset }) => offset);
  const moments = offsets.filter((offset) => offset > asked.askedAt && offset <= asked.answeredAt);
  const texts = asked.got.map(({ text }) => text).join();
  for (const until of [asked.askedAt, ...moments]) if (texts === newestAnd(asked, all, until).join()) return;
  throw failure("not the newest ones and what came after them", asked);
}

function newestAnd({ start, pattern, gotBefore }: Asked, all: readonly Said[], until: number): string[] {
  const old = all.filter(({ offset }) => offset <= until);
  const isNewest = ({ topic }: Said, index: number) =>
    old.findLastIndex((each) => pattern === direct || each.topic === topic) === index;
  const newest =
    start === "last" ? old.filter(isNewest) : old.slice(-(start as { readonly last: number }).last);
  const first = newest.filter(({ isExpired }) => !isExpired);
  // What has expired is still among the newest, so older ones than that may follow.
  const isCutShort = gotBefore > 0 && gotBefore <= first.length;
  const from = isCutShort ? first[gotBefore - 1] : old.at(-1);
  const rest = all.filter(
    ({ offset, index, isExpired }) => !isExpired && (from === undefined || isAfter(from, offset, index)),
  );
  return [...(isCutShort ? first.slice(0, gotBefore) : first), ...rest].map(({ text }) => text);
}

function failure(why: string, { pattern, start, place, told, askedAt, answeredAt, got }: Asked): Error {
  const texts = got.map(({ text, position, isAfterGap }) => `${text}@${position}${isAfterGap ? "!" : ""}`);
  const asked = { pattern: String(pattern), start, place, told, askedAt, answeredAt };
  return new Error(`${why}: ${JSON.stringify(asked)} got ${texts.join(" ")}`);
}
