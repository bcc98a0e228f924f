import type { Walked } from "./walk.ts";

/** Where text is written: standard output or standard error. */
export interface Output {
  /** Writes what is shown. */
  write(text: string): unknown;
  /** Whether somebody watches. */
  readonly isTTY?: boolean | undefined;
}

export const actions = ["list", "show", "replay", "purge"] as const;
export type Action = (typeof actions)[number];

/** How many were meant, and what became of them. */
export function summary(
  action: Action,
  isDryRun: boolean,
  { matched, unknown }: { readonly matched: number; readonly unknown: number },
  { seen, of }: Walked,
  countMax: number,
): string {
  const cut = seen < of && matched >= countMax ? `; --limit ${countMax} left the others out` : "";
  const left =
    unknown === 0 ? "" : `${unknown} name no group, so nobody knows where to put them: they stay\n`;
  return `${matched} of ${of} dead letters ${verbOf(action, isDryRun)}${cut}\n${left}`;
}

export function verbOf(action: Action, isDryRun: boolean): string {
  const done = { list: "shown", show: "shown", replay: "replayed", purge: "deleted" }[action];
  return isDryRun ? `would be ${done}` : done;
}

/** Of those that cannot be put back. */
export function strandedLine(group: string, count: number): string {
  return `${count} stay: the group "${group}" has no queue: start a processor of it (--group ${group}), then replay\n`;
}

/** How far it is, rewritten in place on a terminal. */
export function progressLine(progress: Output): (walked: Walked) => void {
  return ({ seen, of }) => {
    if (progress.isTTY) progress.write(`\r${seen} of ${of} dead letters\x1b[K`);
  };
}
