import type { Timings } from "./timings.ts";

/**
 * Files whose tests measure memory, CPU time, or how long something takes. Each is run while nothing else runs. All others are divided among
 * the lanes.
 */
export const aloneFiles: readonly string[] = [
  // Memory.
  "test/integration/memory/memory.test.ts",
  "test/integration/hostile-clients.test.ts",
  "test/integration/hostile-stomp.test.ts",
  // Durations and rates.
  "test/integration/executable-rabbitmq.test.ts",
  "test/integration/fair-turns.test.ts",
  "test/integration/processor-fairness-rabbitmq.test.ts",
  "test/integration/quarantine.test.ts",
  "test/integration/set-aside-rabbitmq.test.ts",
];

/** The assumed duration of a file that was never timed, in milliseconds. */
const unknownMs = 2000;

/** Divides the files among lanes that end at about the same time: the longest first, each to the lane with the least work. */
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
