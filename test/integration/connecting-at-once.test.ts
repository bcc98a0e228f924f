import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { startWarren } from "../support/warren.ts";

setDefaultTimeout(integrationTimeoutMs);

/** How many connections the system lets wait to be accepted, at most. */
const queuedMax = Number(readFileSync("/proc/sys/net/core/somaxconn", "latin1"));
/** More than the 512 that Bun lets wait by itself. */
const many = 1500;

test("as many clients as the system lets wait connect at once, also while the manager is busy", async () => {
  await using warren = await startWarren(["manager"]);
  const { hostname, port } = new URL(warren.wsUrl("/ws"));
  // A stopped process is as busy as one can be: the system alone connects them.
  process.kill(warren.pid, "SIGSTOP");
  const count = Math.min(many, queuedMax);
  const connecting = Array.from({ length: count }, () =>
    Bun.connect({ hostname, port: Number(port), socket: { data: () => undefined } }),
  );
  try {
    expect(await Promise.all(connecting)).toHaveLength(count);
  } finally {
    process.kill(warren.pid, "SIGCONT");
    for (const each of connecting) void each.then((socket) => socket.end());
  }
});
