import { until } from "../../support/wait.ts";
import { atRandomMs, type Scenario } from "../scenario.ts";
import type { Setting, World } from "../world.ts";

/** Takes a moment, so that there is always work in hand. */
const slowHandler =
  "export default async ({ text }) => { await Bun.sleep(20 * Math.random()); return 'processed message: ' + text; };";

/** Every 97th message of a client is a bad one. */
const bad = "Number(text.split(':')[1]) % 97 === 50";

export const processorScenarios: readonly Scenario[] = [
  {
    name: "processor: SIGKILL mid-work",
    setting: { handler: slowHandler },
    deaths: { processors: 1 },
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
    deaths: { processors: 1 },
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
    fault: () => Bun.sleep(8000),
    check: deadLettered,
  },
  {
    name: "handler hangs",
    setting: {
      handler: `export default ({ text }) => ${bad} ? new Promise(() => {}) : \`processed message: \${text}\`;`,
      processorArgs: ["--handler-timeout", "300ms"],
    },
    fault: () => Bun.sleep(8000),
    check: deadLettered,
  },
  poison("handler poisons: the process dies", {}),
  // A few at a time, each with what clients sent in the same moment.
  poison("handler poisons: the process dies, packed", {
    managerArgs: ["--packed"],
    messagesPerSecond: 1500,
    prefetch: 10,
  }),
];

function deadLettered({ dead, load }: World): readonly string[] {
  const expected = [...load.sentKeys()].filter(({ number }) => number % 97 === 50).length;
  return dead.count === expected ? [] : [`${dead.count} are dead-lettered instead of ${expected}`];
}

/** A message that ends the process in whose hands it is, whichever that may be, is the only one that is not answered. */
function poison(name: string, setting: Partial<Setting>): Scenario {
  return {
    name,
    setting: {
      ...setting,
      handler: `export default ({ text }) => { if (text === "c0:30") process.exit(9); return \`processed message: \${text}\`; };`,
    },
    // The third time it is handled in a process of its own.
    deaths: { processors: 2 },
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
    check({ dead, processors, manager }) {
      const failures: string[] = [];
      if (dead.count !== 1 || !dead.has({ client: "c0", number: 30 }))
        failures.push(`dead-lettered: ${JSON.stringify([...dead.keys()])}, not the poison alone`);
      const { exits } = processors[0]!;
      if (exits.join() !== "9,9") failures.push(`the processor ended with ${exits.join()}, not twice with 9`);
      const packed = manager.confirmed / manager.metric("warren_envelopes_total");
      if (setting.managerArgs !== undefined && packed < 2)
        failures.push(`only ${packed.toFixed(1)} messages were in an AMQP message: nothing to spoil`);
      return failures;
    },
  };
}
