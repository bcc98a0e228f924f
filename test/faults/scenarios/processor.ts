import { until, WaitedInVain } from "../../support/wait.ts";
import { atRandomMs, type Scenario } from "../scenario.ts";
import type { Setting, World } from "../world.ts";

/** Handlers that go on after their timeout, and how many are called at once at most: as many again may go on beside them. */
const concurrency = 5;
const overrunning = `let running = 0;
let most = 0;
export default async ({ text }) => {
  if (++running > most) console.log("at once: " + (most = running));
  try {
    if (BAD) await Bun.sleep(1500);
    return "processed message: " + text;
  } finally {
    running--;
  }
};`;

/** Each message takes a moment, so that there is always work in progress. */
const slowHandler =
  "export default async ({ text }) => { await Bun.sleep(20 * Math.random()); return 'processed message: ' + text; };";

/** At the default concurrency of 100 it handles 200 a second, evenly, and a backlog grows. */
const backlog: Partial<Setting> = {
  handler:
    "export default async ({ text }) => { await Bun.sleep(400 + 200 * Math.random()); return 'processed message: ' + text; };",
  clients: 200,
  messagesPerSecond: 240,
  prefetch: 1000,
};
/** What counts as working at full speed: so many new answers a second, of 200, over so many milliseconds. */
const fullRate = 180;
const rateOverMs = 2000;
const backWithinMs = 5000;

/** Every 97th message of a client is a bad one. */
const bad = "Number(text.split(':')[1]) % 97 === 50";
const throwing = `export default ({ text }) => { if (${bad}) throw new Error("bad"); return \`processed message: \${text}\`; };`;

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
    name: "processor: connection lost ten times in a backlog",
    setting: backlog,
    deaths: { managerConnections: 10, processorConnections: 10 },
    async fault({ proxy, load }) {
      await inBacklog(load);
      for (let loss = 0; loss < 10; loss++) {
        proxy.cut();
        load.mark();
        await backInFull(load);
      }
    },
    check: ({ processors }) => suspicions(processors, 0),
  },
  {
    name: "processor: SIGTERM three times in a backlog",
    setting: backlog,
    // Calls that had begun are finished. The other messages are redelivered, and answered once.
    async fault({ processors, load }) {
      await inBacklog(load);
      for (let stop = 0; stop < 3; stop++) {
        const code = await processors[0]!.end("SIGTERM");
        if (code !== 0) throw new Error(`the processor exited with ${code}`);
        load.mark();
        await backInFull(load);
      }
    },
  },
  {
    name: "processor: SIGKILL three times in a backlog",
    setting: backlog,
    deaths: { processors: 3 },
    async fault({ processors, load }) {
      await inBacklog(load);
      for (let death = 0; death < 3; death++) {
        await processors[0]!.end("SIGKILL");
        load.mark();
        await backInFull(load);
      }
    },
  },
  {
    name: "handler throws",
    setting: { handler: throwing },
    fault: () => Bun.sleep(8000),
    check: deadLettered,
  },
  {
    name: "handler throws, and the queue of dead letters is full",
    setting: { handler: throwing },
    async fault({ node, vhost }) {
      const full = '{"max-length": 1, "overflow": "reject-publish"}';
      const policy = ["-p", vhost, "full"];
      await node.ctl("set_policy", "--apply-to", "queues", ...policy, "^wsmanager[.]dead$", full);
      await Bun.sleep(8000);
      await node.ctl("clear_policy", ...policy);
    },
    check: (world) => [...deadLettered(world), ...answersWentOn(world)],
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
  {
    name: "handler outlives its timeout, one after the other",
    // Each client's bad one comes at about the same time.
    setting: {
      handler: overrunning.replace("BAD", bad),
      clients: 20,
      messagesPerSecond: 200,
      processorArgs: ["--handler-timeout", "300ms", "--concurrency", String(concurrency)],
    },
    fault: () => Bun.sleep(8000),
    check: (world) => [...deadLettered(world), ...atOnce(world)],
  },
  poison("handler poisons: the process dies", {}),
  // A few at a time, each with what clients sent in the same moment.
  poison("handler poisons: the process dies, with others in its pack", {
    messagesPerSecond: 1500,
    prefetch: 10,
  }),
];

/** Waits until the prefetch is used up. */
async function inBacklog(load: World["load"]): Promise<void> {
  await until(() => load.sent - load.answered.count > 200, "a backlog", 30_000);
}

/**
 * Waits until the processor works at its full speed again.
 *
 * @throws Error if that does not begin in time
 */
async function backInFull(load: World["load"]): Promise<void> {
  const startedAt = performance.now();
  const looks: { readonly ms: number; readonly count: number }[] = [];
  let best = 0;
  for (;;) {
    const now = { ms: performance.now() - startedAt, count: load.answered.count };
    looks.push(now);
    const from = looks.findLast(({ ms }) => ms <= now.ms - rateOverMs);
    if (from !== undefined) {
      const rate = ((now.count - from.count) * 1000) / (now.ms - from.ms);
      best = Math.max(best, rate);
      if (rate >= fullRate) {
        process.stdout.write(`   ${Math.round(rate)} answers a second from ${Math.round(from.ms)} ms on\n`);
        return;
      }
      if (from.ms > backWithinMs)
        throw new WaitedInVain(`${Math.round(best)} answers a second at most within ${backWithinMs} ms`);
    }
    await Bun.sleep(100);
  }
}

function suspicions(processors: World["processors"], most: number): readonly string[] {
  const count = processors[0]!.log.filter(({ msg }) => msg.includes("in a process of their own")).length;
  return count > most ? [`${count} times messages were suspected instead of ${most}`] : [];
}

function atOnce({ processors, figures }: World): readonly string[] {
  const counts = processors[0]!.log.map(({ msg }) => Number(/^at once: (\d+)$/.exec(msg)?.[1] ?? 0));
  const most = Math.max(...counts);
  figures.push(`${most} at once at --concurrency ${concurrency}`);
  if (most > 2 * concurrency) return [`${most} handlers ran at once`];
  return most > concurrency ? [] : ["no handler outlived its timeout"];
}

/** The connection on which they travel is not the one that dead letters are refused on. */
function answersWentOn({ load, processors }: World): readonly string[] {
  const lost = processors[0]!.log.filter(({ level, msg, connection }) => {
    return (
      level !== "debug" && msg === "broker lost, reconnecting" && !String(connection).endsWith("dead letters")
    );
  });
  const failures = lost.map(({ connection }) => `${connection} was lost`);
  if (load.longestOutageMs > 1000) failures.push(`no answer for ${Math.round(load.longestOutageMs)} ms`);
  return failures;
}

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
      if (setting.messagesPerSecond !== undefined && packed < 2)
        failures.push(`only ${packed.toFixed(1)} messages were in an AMQP message: nothing to spoil`);
      return failures;
    },
  };
}
