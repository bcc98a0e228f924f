import { readFileSync } from "node:fs";

/** What Linux counts CPU time in: USER_HZ is 100 on every platform that Bun runs on. */
const ticksPerSecond = 100;

/** User and system time of the process so far, in seconds. Linux only. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The name comes in parentheses and may hold anything; the fields after it are numbers (proc(5): 14 utime, 15 stime).
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** Resident memory of the process in bytes. Linux only. */
export function rssBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** How many files a process may have open: the hard limit, to which Bun raises its own. */
export function openFilesMax(): number {
  const limits = readFileSync("/proc/self/limits", "latin1");
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(limits)?.[1];
  return hard === "unlimited" ? Number.POSITIVE_INFINITY : Number(hard);
}
