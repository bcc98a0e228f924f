import { until } from "../../support/wait.ts";
import { Asker, answeringHandler } from "../asker.ts";
import { onChannel } from "../probe.ts";
import { atRandomMs, type Scenario } from "../scenario.ts";
import type { World } from "../world.ts";

/** Each request is answered once or with an error, and none waits for ever. */
async function asking(world: World, ports: readonly number[], fault: () => Promise<void>): Promise<void> {
  const askers = ports.map((port) => new Asker(`ws://127.0.0.1:${port}/ws`));
  try {
    await Promise.all(askers.map((asker) => asker.start()));
    await atRandomMs(300, 1000);
    await fault();
    world.load.mark();
    await until(() => world.load.resumedMs !== undefined, "answers to come again", 30_000);
    const wrong = (await Promise.all(askers.map((asker) => asker.settle()))).flat();
    if (wrong.length > 0) throw new Error(`${wrong.length} questions: ${wrong.slice(0, 5).join("\n")}`);
  } finally {
    for (const asker of askers) asker.close();
  }
}

const setting = { handler: answeringHandler, clients: 10, messagesPerSecond: 50 };

export const requestScenarios: readonly Scenario[] = [
  {
    name: "requests: broker SIGKILL and restart",
    setting,
    deaths: { managerConnections: 2, processorConnections: 2 },
    async fault(world) {
      await asking(world, [world.port, world.otherPort], async () => {
        await world.node.kill();
        await world.node.restart();
      });
    },
  },
  {
    name: "requests: another manager killed",
    setting: { ...setting, hasProbe: true },
    safe: "reached RabbitMQ",
    async fault(world) {
      await asking(world, [world.otherPort], async () => void (await world.manager.end("SIGKILL")));
    },
  },
  {
    name: "requests: processor killed",
    setting,
    deaths: { processors: 1 },
    async fault(world) {
      await asking(
        world,
        [world.port, world.otherPort],
        async () => void (await world.processors[0]!.end("SIGKILL")),
      );
    },
  },
  {
    name: "requests: the group's queue deleted",
    setting,
    deaths: { managerConnections: 1, processorConnections: 1 },
    async fault(world) {
      const { load } = world;
      await asking(world, [world.port, world.otherPort], async () => {
        // What is in a queue goes with it: of the questions some may be, and these are answered with an error.
        load.pause();
        await until(() => load.answered.count === load.sent, "all messages to be answered", 30_000);
        await onChannel(world.url, (channel) => channel.deleteQueue("wsmanager.processor"));
        await Bun.sleep(1000);
        load.resume();
      });
    },
  },
];
