import { until } from "../../support/wait.ts";
import { atRandomMs, type Scenario } from "../scenario.ts";

export const clusterScenarios: readonly Scenario[] = [
  {
    name: "cluster: the group queue's leader killed",
    setting: { isCluster: true },
    deaths: { managerConnections: 2, processorConnections: 2 },
    async fault(world) {
      await atRandomMs(500, 1500);
      const leader = await world.eval(
        `{ok, Q} = rabbit_amqqueue:lookup(${world.resource("queue", "wsmanager.processor")}), {_, Leader} = amqqueue:get_pid(Q), Leader`,
      );
      const node = world.nodes.find(({ name }) => leader.includes(name));
      if (node === undefined) throw new Error(`no node is called ${leader}`);
      await node.kill();
      world.load.mark();
      await until(() => world.load.resumedMs !== undefined, "answers to come again", 60_000);
      await Bun.sleep(2000);
      await node.restart();
    },
  },
];
