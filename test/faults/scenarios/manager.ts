import { until } from "../../support/wait.ts";
import { Pumps } from "../pumps.ts";
import { atRandomMs, type Scenario } from "../scenario.ts";

const outboxBytesMax = 64 * 1024 ** 2;
/** What the outbox, and the memory of the process with it, may go beyond the cap. */
const slack = 1.2;
/** Clients that send as fast as they are read. */
const flooding = 80;

export const managerScenarios: readonly Scenario[] = [
  {
    name: "manager: SIGKILL under load",
    setting: { hasProbe: true },
    safe: "reached RabbitMQ",
    async fault({ manager, load }) {
      await atRandomMs(500, 1500);
      await manager.end("SIGKILL");
      load.mark();
      await until(() => load.resumedMs !== undefined, "answers to come again", 30_000);
    },
  },
  {
    name: "manager: SIGTERM under load",
    safe: "accepted",
    async fault({ manager, load }) {
      await atRandomMs(500, 1500);
      const startedAt = performance.now();
      const code = await manager.end("SIGTERM");
      if (code !== 0) throw new Error(`the manager exited with ${code}`);
      if (performance.now() - startedAt > 10_000) throw new Error("the manager took longer than its timeout");
      load.mark();
      await until(() => load.resumedMs !== undefined, "answers to come again", 30_000);
    },
  },
  {
    name: "manager: started before RabbitMQ",
    safe: "accepted",
    deaths: { processorConnections: 1 },
    async fault({ manager, proxy, load }) {
      await manager.end("SIGTERM");
      // To the next one there is no RabbitMQ while the proxy refuses.
      proxy.refuse();
      await until(() => manager.starts === 2, "the manager to start again");
      await Bun.sleep(5000);
      proxy.accept();
      load.mark();
      await until(() => load.resumedMs !== undefined, "answers to come again", 30_000);
    },
  },
  {
    name: "manager: RabbitMQ away longer than the outbox lasts",
    setting: { managerArgs: ["--outbox-max-bytes", "1MiB"], messagesPerSecond: 1000 },
    deaths: { managerConnections: 1, processorConnections: 1 },
    async fault({ manager, proxy, load }) {
      await atRandomMs(500, 1500);
      proxy.refuse();
      await until(() => manager.metric("warren_clients_held_back") > 0, "clients to be held back", 30_000);
      await Bun.sleep(4000);
      proxy.accept();
      load.mark();
      await until(() => load.resumedMs !== undefined, "answers to come again", 30_000);
    },
  },
  {
    name: "manager: RabbitMQ frozen under full load",
    // All that is pumped, and its answers, fit into the log: the durable subscription reads every record.
    setting: { messagesPerSecond: 200, prefetch: 1000, managerArgs: ["--log-max-bytes", "4GiB"] },
    deaths: { managerConnections: 1, processorConnections: 1 },
    async fault({ manager, proxy, load, port }) {
      await atRandomMs(1000, 2000);
      const before = manager.most(memory);
      const logBefore = manager.metric(logMemory);
      await using pumps = await Pumps.open(`ws://127.0.0.1:${port}/ws`, flooding, () => load.sawAnswer());
      await atRandomMs(1000, 2000);
      proxy.freeze("toBroker", "toWarren");
      await until(() => manager.metric("warren_clients_held_back") > 0, "clients to be held back", 60_000);
      const outboxBefore = manager.most("warren_outbox_bytes");
      await manager.look();
      const atFirst = manager.metric(memory);
      // By then what the flood has left behind is collected.
      await Bun.sleep(3000);
      manager.forgetMost();
      await Bun.sleep(12_000);
      await manager.look();
      const whileFrozen = manager.most(memory);
      const logGrown = manager.metric(logMemory) - logBefore;
      proxy.thaw();
      load.mark();
      await until(() => load.resumedMs !== undefined, "answers to come again", 60_000);
      // The clients that were held back fill the outbox again, more than once.
      await atRandomMs(2000, 4000);
      pumps.stop();
      await manager.look();
      const outbox = Math.max(outboxBefore, manager.most("warren_outbox_bytes"));
      process.stdout.write(
        `   memory ${mib(before)} idle, ${mib(atFirst)} when frozen, ${mib(whileFrozen)} at most from 3 s later until thawed, ` +
          `${mib(manager.most(memory))} at most then; outbox ${mib(outbox)} at most, the log's part in memory grew by ${mib(logGrown)}; ${pumps.sent} messages pumped\n`,
      );
      const bytesMax = slack * outboxBytesMax;
      if (outbox > bytesMax) throw new Error(`the outbox held ${mib(outbox)}, not ${mib(bytesMax)} at most`);
      const grown = whileFrozen - before;
      // What was read from the clients and is not obeyed yet counts as if it were in the outbox. What flowed before the freeze has come
      // back by the log, the newest of which is in memory, too.
      const grownMax = bytesMax + logBytesMax;
      if (grown > grownMax)
        throw new Error(`the manager's memory grew by ${mib(grown)}, not ${mib(grownMax)} at most`);
    },
  },
];

/** What of the log is in memory at most: `--log-memory-bytes`, as it is where nobody says otherwise. */
const logBytesMax = 32 * 1024 ** 2;

const memory = "process_resident_memory_bytes";
const logMemory = "warren_log_memory_bytes";

function mib(bytes: number): string {
  return `${Math.round(bytes / 1024 ** 2)} MiB`;
}
