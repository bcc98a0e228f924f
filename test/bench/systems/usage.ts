import { readdirSync, readFileSync } from "node:fs";

/** Time that the process has had a CPU so far, all of its threads together, in seconds. Linux only. */
export function cpuSeconds(pid: number): number {
  let nanos = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    // Of proc(5)'s schedstat the first number, which is exact; /proc/PID/stat counts hundredths of a second.
    nanos += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1").split(" ")[0]);
  }
  return nanos / 1e9;
}

/** The same of all processes of a group, by its leader's id. */
export function groupCpuSeconds(leader: number): number {
  let seconds = 0;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      // The name comes in parentheses and may hold anything; behind it the third field is the group (proc(5)).
      const group = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]);
      if (group === leader) seconds += cpuSeconds(Number(name));
    } catch {
      // It has ended since.
    }
  }
  return seconds;
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

/** When a process counts as calm. */
export interface Calm {
  /** The most CPU time, as a share of a core. */
  readonly share: number;
  /** For how long, in milliseconds. */
  readonly ms: number;
  /** How long to wait for it, in milliseconds. */
  readonly msMax: number;
}

/** Waits until something has little to do, or at most a while. @param cpuSecondsNow the CPU time that it has used so far */
export async function untilCalm(cpuSecondsNow: () => number, { share, ms, msMax }: Calm): Promise<void> {
  const untilMs = performance.now() + msMax;
  for (let before = cpuSecondsNow(); performance.now() < untilMs; ) {
    await Bun.sleep(ms);
    const now = cpuSecondsNow();
    if (now - before < (ms / 1000) * share) return;
    before = now;
  }
}
