import { until } from "../../support/wait.ts";
import { Crowd } from "../crowd.ts";
import { atRandomMs, type Scenario } from "../scenario.ts";
import type { World } from "../world.ts";

const crowdSize = 10_000;

export const clientScenarios: readonly Scenario[] = [
  {
    name: "clients: 10,000 connect at once",
    async fault(world) {
      await atRandomMs(0, 500);
      await using _crowd = await gathered(world);
    },
  },
  {
    name: "clients: 10,000 end without a close",
    async fault(world) {
      await using crowd = await gathered(world);
      await atRandomMs(500, 1000);
      crowd.kill();
      await forgotten(world);
    },
  },
  {
    name: "clients: 10,000 vanish",
    async fault(world) {
      await using crowd = await gathered(world);
      await atRandomMs(500, 1000);
      crowd.freeze();
      await forgotten(world);
    },
  },
];

async function gathered({ manager, port }: World): Promise<Crowd> {
  const crowd = new Crowd(port, crowdSize);
  await crowd.connected();
  await until(() => manager.metric("warren_clients") >= crowdSize, "all of them to be counted", 30_000);
  return crowd;
}

async function forgotten({ manager }: World): Promise<void> {
  await until(
    () => manager.metric("warren_clients") < crowdSize / 10,
    "all of them to be forgotten",
    180_000,
  );
}
