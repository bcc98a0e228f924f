import { readFileSync } from "node:fs";

/** How many files a manager has open besides its clients: connections to the broker, and HTTP requests. */
const otherFiles = 250;

/** How many clients the limit of open files allows; infinity if that is not known. */
export function clientsThatFilesAllow(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return soft === undefined ? Number.POSITIVE_INFINITY : Math.max(1, Number(soft) - otherFiles);
  } catch {
    // Not Linux.
    return Number.POSITIVE_INFINITY;
  }
}
