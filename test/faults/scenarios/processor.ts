import { until } from "../../support/wait.ts";
import { atRandomMs, type Scenario } from "../scenario.ts";
import type { World } from "../world.ts";

/** Takes a moment, so that there is always work in hand. */
const slowHandler =
  "export default async ({ text }) => { await Bun.sleep(20 * Math.random()); return 'processed message: ' + text; };";

/** Every 97th message of a client is a bad one. */
const bad = "Number(text.split(':')[1]) % 97 === 50";

export const processorScenarios: readonly Scenario[] = [
  {
    name: "processor: SIGKILL mid-work",
    setting: { handler: slowHandler },
    deaths: 1,
    async fault({ processors, load }) {
      await atRandomMs(500, 1500);
      await processors[0]!.end("SIGKILL");
      load.mark();
      await until(() => load.resumedMs !== undefined, "answers to come again", 30_000);
    },
  },
  {
    name: "processor: SIGTERM mid-work",
    setting: { handler: slowHandler },
    deaths: 0,
    async fault({ processors, load }) {
      await atRandomMs(500, 1500);
      const code = await processors[0]!.end("SIGTERM");
      if (code !== 0) throw new Error(`the processor exited with ${code}`);
      load.mark();
      await until(() => load.resumedMs !== undefined, "answers to come again", 30_000);
    },
  },
  {
    name: "processor: two of a group, one killed",
    setting: { handler: slowHandler, processors: 2 },
    deaths: 1,
    answersInAnyOrder: true,
    async fault({ processors, load }) {
      await atRandomMs(500, 1500);
      await processors[0]!.end("SIGKILL");
      load.mark();
      await until(() => load.resumedMs !== undefined, "answers to come again", 30_000);
    },
  },
  {
    name: "handler throws",
    setting: {
      handler: `export default ({ text }) => { if (${bad}) throw new Error("bad"); return \`processed message: \${text}\`; };`,
    },
    deaths: 0,
    fault: () => Bun.sleep(8000),
    check: deadLettered,
  },
  {
    name: "handler hangs",
    setting: {
      handler: `export default ({ text }) => ${bad} ? new Promise(() => {}) : \`processed message: \${text}\`;`,
      processorArgs: ["--handler-timeout", "300ms"],
    },
    deaths: 0,
    fault: () => Bun.sleep(8000),
    check: deadLettered,
  },
  {
    name: "handler poisons: the process dies",
    setting: {
      handler: `export default ({ text }) => { if (text === "c0:30") process.exit(9); return \`processed message: \${text}\`; };`,
    },
    deaths: 12,
    async fault(world) {
      await until(
        async () => {
          await world.collectDead();
          return world.dead.count > 0;
        },
        "the poison to be dead-lettered",
        120_000,
      );
      world.load.mark();
      await until(() => world.load.resumedMs !== undefined, "answers to come again", 30_000);
    },
    check: ({ dead }) => (dead.count === 1 ? [] : [`${dead.count} messages are dead-lettered, not 1`]),
  },
];

function deadLettered({ dead, load }: World): readonly string[] {
  const expected = [...load.sentKeys()].filter(({ number }) => number % 97 === 50).length;
  return dead.count === expected ? [] : [`${dead.count} are dead-lettered instead of ${expected}`];
}
