import type { RabbitmqNode } from "../../support/rabbitmq.ts";
import { until } from "../../support/wait.ts";
import { atRandomMs, type Scenario } from "../scenario.ts";
import type { World } from "../world.ts";

const deaths = { managerConnections: 2, processorConnections: 2 } as const;

export const clusterScenarios: readonly Scenario[] = [
  {
    name: "cluster: the group queue's leader killed",
    setting: { isCluster: true },
    deaths,
    async fault(world) {
      await killLeader(world);
    },
    tidyUp: restartKilled,
  },
  {
    name: "cluster: a killed node comes back",
    setting: { isCluster: true },
    deaths,
    // RabbitMQ takes the consumers that were on it for alive at first, and gives them messages (docs/reliability.md).
    answersInAnyOrder: true,
    async fault(world) {
      const node = await killLeader(world);
      await atRandomMs(500, 2000);
      await node.restart();
      world.load.mark();
      await resumed(world);
    },
    tidyUp: restartKilled,
  },
];

async function killLeader(world: World): Promise<RabbitmqNode> {
  await atRandomMs(500, 1500);
  const leader = await world.eval(
    `{ok, Q} = rabbit_amqqueue:lookup(${world.resource("queue", "wsmanager.processor")}), {_, Leader} = amqqueue:get_pid(Q), Leader`,
  );
  const node = world.nodes.find(({ name }) => leader.includes(name));
  if (node === undefined) throw new Error(`no node is called ${leader}`);
  await node.kill();
  world.load.mark();
  await resumed(world);
  return node;
}

async function resumed({ load }: World): Promise<void> {
  await until(() => load.resumedMs !== undefined, "answers to come again", 60_000);
}

async function restartKilled({ nodes }: World): Promise<void> {
  for (const node of nodes) if (!node.isRunning) await node.restart();
}
