import { join } from "node:path";

/** How long each file of tests took, in milliseconds. */
export type Timings = Readonly<Record<string, number>>;

const path = join(import.meta.dir, "timings.json");

/** What `--update-timings` wrote last. It need not be right: it only says how to deal files out to lanes. */
export async function readTimings(): Promise<Timings> {
  return (await Bun.file(path).json()) as Timings;
}

/** Those that were measured now take the place of what was written before. Files that are gone are left out. */
export async function writeTimings(measured: Timings, files: readonly string[]): Promise<void> {
  const known = { ...(await readTimings()), ...measured };
  const kept = files.toSorted().flatMap((file) => (file in known ? [[file, known[file]!] as const] : []));
  await Bun.write(path, `${JSON.stringify(Object.fromEntries(kept), undefined, 2)}\n`);
}
