import type { Errand } from "./errand.ts";
import type { Action, Request } from "./request.ts";
import type { Walked } from "./walk.ts";

/** Where text is written: standard output or standard error. */
export interface Output {
  /** Writes what is shown. */
  write(text: string): unknown;
  /** Whether somebody watches. */
  readonly isTTY?: boolean | undefined;
}

/** How many letters were selected, and what became of them. */
export function summary(
  { action, isDryRun, countMax }: Pick<Request, "action" | "isDryRun" | "countMax">,
  { count, unknown }: Pick<Errand, "count" | "unknown">,
  { seen, of }: Walked,
): string {
  const cut = seen < of && count >= countMax ? `; --limit ${countMax} left the others out` : "";
  const left =
    unknown === 0 ? "" : `${unknown} name no group, so nobody knows where to put them: they stay\n`;
  return `${count} of ${of} dead letters ${verbOf(action, isDryRun)}${cut}\n${left}`;
}

/** What was done, or would be, as a participle. */
export function verbOf(action: Action, isDryRun: boolean): string {
  const done = { list: "shown", show: "shown", replay: "replayed", purge: "deleted" }[action];
  return isDryRun ? `would be ${done}` : done;
}

/** The line about letters that cannot be put back. */
export function strandedLine(group: string, count: number): string {
  return `${count} stay: the group "${group}" has no queue: start a processor of it (--group ${group}), then replay\n`;
}

/** Prints the progress, rewritten in place on a terminal. */
export function progressLine(progress: Output): (walked: Walked) => void {
  return ({ seen, of }) => {
    if (progress.isTTY) progress.write(`\r${seen} of ${of} dead letters\x1b[K`);
  };
}

/** Removes that line. */
export function clearLine(progress: Output): void {
  if (progress.isTTY) progress.write("\r\x1b[K");
}
