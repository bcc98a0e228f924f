import type { DeadLetter } from "./letter.ts";

/** Selects dead letters. An undefined field excludes none. */
export interface Filter {
  /** Only letters of this group; undefined: of any group. */
  readonly group: string | undefined;
  /** A part of the reason; upper and lower case are the same. */
  readonly reason: string | undefined;
  /** The ids of the messages that failed. */
  readonly ids: readonly string[] | undefined;
  /** Only letters older than this, in milliseconds. A letter whose time of death is unknown matches any age. */
  readonly olderThanMs: number | undefined;
  /** Only letters that are not older than this, in milliseconds; undefined: of any age. */
  readonly newerThanMs: number | undefined;
}

/** Whether it excludes anything. */
export function isNarrow(filter: Filter): boolean {
  return Object.values(filter).some((value) => value !== undefined);
}

/** @param nowMs milliseconds since 1970 */
export function matches(
  { group, reason, ids, olderThanMs, newerThanMs }: Filter,
  letter: DeadLetter,
  nowMs: number,
): boolean {
  const ageMs = letter.atMs === undefined ? undefined : nowMs - letter.atMs;
  return (
    (group === undefined || letter.group === group) &&
    (reason === undefined || letter.reason.toLowerCase().includes(reason.toLowerCase())) &&
    (ids === undefined || (letter.id !== undefined && ids.includes(letter.id))) &&
    (olderThanMs === undefined || ageMs === undefined || ageMs > olderThanMs) &&
    (newerThanMs === undefined || ageMs === undefined || ageMs < newerThanMs)
  );
}
