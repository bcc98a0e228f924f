import { randomInt } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeOf } from "../../src/errors.ts";

/**
 * Below the range from which the system picks ports for outgoing connections, so that a port stays free for its
 * owner while that owner is down and about to start again.
 */
const lowest = 10_240;
const highest = 32_767;

/** One file for each port that was given out, with the id of the process that has it. */
const folder = join(tmpdir(), "warren-test-ports");

const givenOut = new Set<number>();
process.on("exit", () => {
  for (const port of givenOut) rmSync(fileOf(port), { force: true });
});

/** `count` free ports of 127.0.0.1, which neither this process nor another living one was given before. */
export function freePorts(count: number): number[] {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = randomInt(lowest, highest + 1);
    if (givenOut.has(port) || !isFree(port) || !isOurs(port)) continue;
    givenOut.add(port);
    ports.push(port);
  }
  return ports;
}

const fileOf = (port: number) => join(folder, String(port));

function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => undefined } }).stop(true);
    return true;
  } catch {
    return false;
  }
}

/** Reserves a port. Several processes run tests, and a port that one of them is about to use looks free to the others. */
function isOurs(port: number): boolean {
  mkdirSync(folder, { recursive: true });
  if (isHeld(port)) return false;
  try {
    writeFileSync(fileOf(port), String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
    return false;
  }
}

/** Whether a living process has reserved the port. A dead process's reservation is removed. */
function isHeld(port: number): boolean {
  try {
    process.kill(Number(readFileSync(fileOf(port), "utf8")), 0);
    return true;
  } catch (error) {
    if (codeOf(error) === "ESRCH") rmSync(fileOf(port), { force: true });
    return codeOf(error) !== "ENOENT" && codeOf(error) !== "ESRCH";
  }
}
