import type { Supervised } from "./supervised.ts";

/** The name of the running manager in events. */
export function nameOf({ process }: Supervised): string {
  return `manager-${String(process.log.find(({ msg }) => msg === "listening")!["id"])}`;
}
