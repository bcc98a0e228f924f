import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { dirname, join } from "node:path";

/** How much memory this process may use, in bytes: all of the machine's, or less if a cgroup limits it. */
export function memoryLimit(root = "/", machineBytes = totalmem()): number {
  return Math.min(machineBytes, cgroupLimit(root));
}

/** The smallest limit of the process's cgroup and its parents, of version 2 or 1; infinity if there is none. */
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
    // In a container the path may be the host's. Then the container's own limit is at the top.
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
    // Not Linux, or no cgroup of this version.
    return "";
  }
}
