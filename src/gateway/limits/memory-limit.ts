import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { dirname, join } from "node:path";

/** What this process may have of the machine's memory, in bytes: all of it, or less where a cgroup says so. */
export function memoryLimit(root = "/", machineBytes = totalmem()): number {
  return Math.min(machineBytes, cgroupLimit(root));
}

/** The smallest limit of the process's cgroup and those around it, of version 2 or 1; infinity where there is none. */
function cgroupLimit(root: string): number {
  let least = Number.POSITIVE_INFINITY;
  for (const line of read(join(root, "proc/self/cgroup")).split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    if (controllers !== "" && !controllers.split(",").includes("memory")) continue;
    const [base, file] =
      controllers === ""
        ? ["sys/fs/cgroup", "memory.max"]
        : ["sys/fs/cgroup/memory", "memory.limit_in_bytes"];
    // In a container the path may be the host's: its own limit is at the top then.
    for (let group = path; ; group = dirname(group)) {
      const bytes = Number.parseInt(read(join(root, base, group, file)), 10);
      if (bytes > 0) least = Math.min(least, bytes);
      if (group === "/") break;
    }
  }
  return least;
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // No Linux, or no cgroup of this kind.
    return "";
  }
}
