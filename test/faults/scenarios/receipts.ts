import { until } from "../../support/wait.ts";
import { onChannel } from "../probe.ts";
import { atRandomMs, type Scenario } from "../scenario.ts";
import type { World } from "../world.ts";

/** Few enough for RabbitMQ to keep up with on a busy machine: what is looked for is what gets lost, not how fast it is. */
const withReceipts = { hasReceipts: true, messagesPerSecond: 200 } as const;
/** Within this time, receipts that were on their way have arrived after the loss of RabbitMQ. In milliseconds. */
const onTheWayMs = 300;
/** What is missing is told within this time, in milliseconds: 2 s where RabbitMQ answers at once, which it does not under load. */
const toldWithinMs = 10_000;
/** Every tenth message of a client is a bad one. */
const throwing =
  'export default ({ text }) => { if (Number(text.split(":")[1]) % 10 === 5) throw new Error("bad"); return "processed message: " + text; };';

/** A message with a receipt is in the log, and every group processes it. */
export const receiptScenarios: readonly Scenario[] = [
  fresh("receipts: RabbitMQ starts for the first time after clients have sent", async ({ node, vhost }) => {
    await node.wipe();
    return async () => {
      await node.restart();
      await node.vhost(vhost);
    };
  }),
  fresh("receipts: a new vhost, and a manager that processes", async ({ node, vhost }) => {
    await node.eval(`rabbit_vhost:delete(<<"${vhost}">>, <<"tests">>)`);
    return async () => {
      await node.vhost(vhost);
    };
  }),
  {
    name: "receipts: RabbitMQ comes back empty",
    setting: withReceipts,
    deaths: { managerConnections: 2, processorConnections: 2 },
    safe: "receipted",
    isLogLost: true,
    async fault({ node, vhost, load }) {
      await atRandomMs(500, 1500);
      await node.wipe();
      await Bun.sleep(onTheWayMs);
      load.countReceipts();
      await node.restart();
      await node.vhost(vhost);
      load.mark();
      await resumed(load);
    },
  },
  {
    name: "receipts: a manager killed or stopped ten times",
    setting: withReceipts,
    safe: "receipted",
    async fault({ manager, load }) {
      load.countReceipts();
      for (let time = 0; time < 10; time++) {
        await manager.running();
        await atRandomMs(0, 2000);
        await manager.end(time % 2 === 0 ? "SIGKILL" : "SIGTERM");
      }
      load.mark();
      await resumed(load);
    },
  },
  deletion("the log", "wsmanager.log", { isLogLost: true }),
  deletion("the group's queue", "wsmanager.processor"),
  deletion("the dead letters", "wsmanager.dead", { setting: { ...withReceipts, handler: throwing } }),
  deletion("the clients' inner exchange", "wsmanager.queues"),
  deletion("the answers' inner exchange", "towsmanager.queues"),
];

/** There was nothing in RabbitMQ before, and what serves the clients has never seen it. */
function fresh(name: string, end: (world: World) => Promise<() => Promise<void>>): Scenario {
  return {
    name,
    setting: { ...withReceipts, isRoleAll: true, processors: 0 },
    deaths: { managerConnections: 2 },
    safe: "receipted",
    isLogLost: true,
    async fault(world) {
      const { manager, load } = world;
      await atRandomMs(500, 1500);
      const begin = await end(world);
      await manager.end("SIGKILL");
      await Bun.sleep(onTheWayMs);
      load.countReceipts();
      await until(() => manager.metric("warren_published_total") > 200, "clients to send", 30_000);
      await begin();
      load.mark();
      await resumed(load);
    },
  };
}

/** Messages in a deleted queue are lost with it. Messages that get a receipt after that must be safe. */
function deletion(what: string, name: string, parts: Partial<Scenario> = {}): Scenario {
  return {
    name: `receipts: ${what} deleted under load`,
    setting: withReceipts,
    deaths: { managerConnections: 2, processorConnections: 2 },
    safe: "receipted",
    ...parts,
    async fault({ url, load, manager }) {
      await atRandomMs(500, 1500);
      const isManagers = name !== "wsmanager.dead" && name !== "towsmanager.queues";
      const told = isManagers ? toldBy(manager.process.url, `${name} is missing`) : undefined;
      await onChannel(url, async (channel) => {
        if (name.endsWith(".queues")) await channel.deleteExchange(name);
        else await channel.deleteQueue(name);
      });
      load.countReceipts();
      load.mark();
      await told;
      await until(() => isThere(url, name), `${name} to be declared again`, 30_000);
      await resumed(load);
    },
  };
}

async function isThere(url: string, name: string): Promise<boolean> {
  return await onChannel(url, async (channel) => {
    // It rejects for the same reason as the call that failed.
    channel.on("error", () => undefined);
    if (name.endsWith(".queues")) await channel.checkExchange(name);
    else await channel.checkQueue(name);
    return true;
  });
}

/** Waits until a manager that is not ready gives this reason. */
async function toldBy(url: string, why: string): Promise<void> {
  // RabbitMQ itself may trip over a message for a queue that is being deleted, and close the connection with 541 (seen with 3.10).
  const saysIt = async () => {
    const said = await (await fetch(new URL("readyz", url))).text();
    return said.includes(why) || said.includes("INTERNAL_ERROR");
  };
  await until(saysIt, `/readyz to say "${why}"`, toldWithinMs);
}

async function resumed(load: World["load"]): Promise<void> {
  await until(() => load.resumedMs !== undefined, "answers to come again", 60_000);
}
