import { randomInt } from "node:crypto";

/**
 * Below the range from which the system picks ports for outgoing connections, so that a port stays free for its
 * owner while that owner is down and about to start again.
 */
const lowest = 10_240;
const highest = 32_767;

const givenOut = new Set<number>();

/** `count` ports of 127.0.0.1 on which nobody listens, none of which this process has had before. */
export function freePorts(count: number): number[] {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = randomInt(lowest, highest + 1);
    if (givenOut.has(port) || !isFree(port)) continue;
    givenOut.add(port);
    ports.push(port);
  }
  return ports;
}

function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => undefined } }).stop(true);
    return true;
  } catch {
    return false;
  }
}
