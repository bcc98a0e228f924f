import { join } from "node:path";

/** How long each file of tests took, in milliseconds. */
export type Timings = Readonly<Record<string, number>>;

const path = join(import.meta.dir, "timings.json");

/** The last result of `--update-timings`. It may be outdated, since it only divides files among lanes. */
export async function readTimings(): Promise<Timings> {
  return (await Bun.file(path).json()) as Timings;
}

/** Writes the new timings over the old ones. Files that no longer exist are left out. */
export async function writeTimings(measured: Timings, files: readonly string[]): Promise<void> {
  const known = { ...(await readTimings()), ...measured };
  const kept = files.toSorted().flatMap((file) => (file in known ? [[file, known[file]!] as const] : []));
  await Bun.write(path, `${JSON.stringify(Object.fromEntries(kept), undefined, 2)}\n`);
}
