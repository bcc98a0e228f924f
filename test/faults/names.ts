import type { Supervised } from "./supervised.ts";

/** The name by which events call the manager that runs now. */
export function nameOf({ process }: Supervised): string {
  return `manager-${String(process.log.find(({ msg }) => msg === "listening")!["id"])}`;
}
