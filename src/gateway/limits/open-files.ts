import { readFileSync } from "node:fs";

/** Files that a manager has open besides its clients: the broker's connections, and clients that only ask over HTTP. */
const otherFiles = 250;

/** How many clients this process has open files for, or as good as any number where that cannot be told. */
export function clientsThatFilesAllow(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return soft === undefined ? Number.POSITIVE_INFINITY : Math.max(1, Number(soft) - otherFiles);
  } catch {
    // No Linux.
    return Number.POSITIVE_INFINITY;
  }
}
