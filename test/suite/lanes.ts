import type { Timings } from "./timings.ts";

/**
 * Files whose tests measure: memory, CPU time, or how long something takes. They are run when nothing else is. All others run
 * beside each other, in as many lanes as there are.
 */
export const aloneFiles: readonly string[] = [
  // Memory.
  "test/integration/memory/memory.test.ts",
  "test/integration/hostile-clients.test.ts",
  "test/integration/hostile-stomp.test.ts",
  // How long something takes, or how much comes in a time.
  "test/integration/executable-rabbitmq.test.ts",
  "test/integration/fair-turns.test.ts",
  "test/integration/processor-fairness-rabbitmq.test.ts",
  "test/integration/quarantine.test.ts",
  "test/integration/set-aside-rabbitmq.test.ts",
];

/** What a file is taken to need that was never timed, in milliseconds. */
const unknownMs = 2000;

/** Deals the files out to lanes that end at about the same time: the longest first, each to the lane that has least to do. */
export function lanesOf(files: readonly string[], count: number, timings: Timings): string[][] {
  const lanes = Array.from({ length: count }, () => ({ files: [] as string[], ms: 0 }));
  const msOf = (file: string) => timings[file] ?? unknownMs;
  for (const file of files.toSorted((a, b) => msOf(b) - msOf(a) || a.localeCompare(b))) {
    const lane = lanes.reduce((least, each) => (each.ms < least.ms ? each : least));
    lane.files.push(file);
    lane.ms += msOf(file);
  }
  return lanes.filter((lane) => lane.files.length > 0).map((lane) => lane.files);
}
