import { readdirSync, readFileSync } from "node:fs";

/** A signal reaches a thread within a time slice; more means that something else is wrong. */
const stopTimeoutMs = 5000;

/**
 * Stops all processes of a group, and returns when every thread of theirs stands still: a signal that was only sent
 * lets some of them run on for a while. Linux only, as is the rest that needs RabbitMQ.
 */
export function stopGroup(group: number): void {
  process.kill(-group, "SIGSTOP");
  const giveUpAt = performance.now() + stopTimeoutMs;
  while (!threadStates(group).every((state) => state === "T")) {
    if (performance.now() > giveUpAt) throw new Error(`the processes of group ${group} did not stop`);
    Bun.sleepSync(1);
  }
}

/** The states of all threads of a process group, as proc(5) has them: R running, S asleep, T stopped. */
function threadStates(group: number): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && statOf(`/proc/${name}/stat`)?.group === group)
    .flatMap((pid) => threadsOf(pid))
    .flatMap((path) => statOf(path)?.state ?? []);
}

function threadsOf(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map((thread) => `/proc/${pid}/task/${thread}/stat`);
  } catch {
    // It has ended meanwhile.
    return [];
  }
}

/** Undefined for what has ended meanwhile. The name, in parentheses, may hold anything, so the parts are behind it. */
function statOf(path: string): { readonly state: string; readonly group: number } | undefined {
  try {
    const stat = readFileSync(path, "utf8");
    const [state, , group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return state === undefined ? undefined : { state, group: Number(group) };
  } catch {
    return undefined;
  }
}
