import { cpuSeconds } from "../../bench/systems/usage.ts";
import { until, WaitedInVain } from "../../support/wait.ts";
import { Flock } from "../flock.ts";
import { nameOf } from "../names.ts";
import { scaled } from "../scale.ts";
import type { Scenario } from "../scenario.ts";
import type { Supervised } from "../supervised.ts";
import type { World } from "../world.ts";

/** Clients of the manager that dies. */
const dying = 5000;
/** Clients of another manager, whose end must not be told. */
const bystanders = 500;
/** How long it may take until the last client of a lost manager is told of, in milliseconds: in any case, and where its connection to RabbitMQ ends with it. */
const toldMsMax = { frozen: 30_000, killed: 10_000 } as const;
/** How long the manager is frozen, in milliseconds. The others take it for dead after 15 s. */
const frozenMs = () => Math.max(25_000, scaled(60_000));
/** How long it is waited for what is to come within `toldMsMax`: what comes too late is told with its time. */
const patienceMs = 60_000;

/** Managers that die with many clients. The others must tell the end of each of these clients once, and of no other. */
export const eventScenarios: readonly Scenario[] = [
  {
    name: "events: a manager with many clients killed",
    setting: { hasProbe: true, furtherManagers: 1 },
    safe: "reached RabbitMQ",
    async fault(world) {
      await withFlocks(world, async ({ lost }) => {
        const { manager, load } = world;
        const [dead] = await lost([manager], toldMsMax.killed, async () => {
          await manager.end("SIGKILL");
          load.mark();
        });
        await until(() => load.resumedMs !== undefined, "answers to come again", 30_000);
        await isTrue(world, dead!);
      });
    },
  },
  {
    name: "events: a manager with many clients frozen, and back",
    setting: { furtherManagers: 1 },
    deaths: { managerConnections: 2 },
    async fault(world) {
      await withFlocks(world, async ({ flock, lost }) => {
        const { manager, load } = world;
        const begunMs = performance.now();
        const { process } = manager;
        await lost([manager], toldMsMax.frozen, () => process.signal("SIGSTOP"));
        await Bun.sleep(Math.max(0, frozenMs() - (performance.now() - begunMs)));
        process.signal("SIGCONT");
        load.mark();
        await until(() => load.resumedMs !== undefined, "answers to come again", 30_000);
        await isTrue(world);
        const { closes, open } = flock.state;
        if (open < flock.plan.size)
          throw new Error(`the manager that came back has closed its own clients: ${JSON.stringify(closes)}`);
      });
    },
  },
  {
    name: "events: a manager with many clients killed together with RabbitMQ",
    // What RabbitMQ had of the manager's and had not confirmed went with both.
    setting: { hasReceipts: true, messagesPerSecond: 200, furtherManagers: 1 },
    deaths: { managerConnections: 2, processorConnections: 2 },
    safe: "receipted",
    async fault(world) {
      await withFlocks(world, async ({ lost }) => {
        const { manager, load, node } = world;
        const [dead] = await lost([manager], toldMsMax.frozen, async () => {
          await Promise.all([manager.end("SIGKILL"), node.kill()]);
          await node.restart();
          load.mark();
        });
        await until(() => load.resumedMs !== undefined, "answers to come again", 30_000);
        await isTrue(world, dead!);
      });
    },
  },
  {
    name: "events: all managers killed, one started",
    setting: { hasProbe: true, furtherManagers: 1 },
    safe: "reached RabbitMQ",
    isDurableAlone: true,
    async fault(world) {
      await withFlocks(world, async ({ lost }) => {
        const { managers, load } = world;
        const [first, ...others] = managers;
        await lost(managers, toldMsMax.frozen, async () => {
          for (const manager of managers) manager.keepDown();
          await Promise.all(managers.map((manager) => manager.end("SIGKILL")));
          first!.release();
          await (await first!.running()).waitUntilReady(30_000);
        });
        for (const manager of others) manager.release();
        for (const manager of others) await (await manager.running()).waitUntilReady(30_000);
        load.mark();
        await until(() => load.resumedMs !== undefined, "answers to come again", 30_000);
        await isTrue(world);
      });
    },
  },
];

interface Flocks {
  readonly flock: Flock;
  /**
   * Has managers be lost, and sees that all of their clients are told to be disconnected within some time, in milliseconds, after `lose`.
   *
   * @returns their names
   */
  lost(
    managers: readonly Supervised[],
    withinMs: number,
    lose: () => Promise<void> | void,
  ): Promise<readonly string[]>;
}

async function withFlocks(world: World, act: (flocks: Flocks) => Promise<void>): Promise<void> {
  const { ports, events, figures } = world;
  const text = { kind: "text", topic: "flock" } as const;
  await using flock = new Flock({ ...text, ports, size: scaled(dying), prefix: "flock" });
  await using others = new Flock({ ...text, ports: ports.slice(1), size: scaled(bystanders), prefix: "by" });
  await Promise.all([flock.gathered(), others.gathered()]);
  const areTold = () =>
    events.connectionsOf("flock-").size === flock.plan.size &&
    events.connectionsOf("by-").size === others.plan.size;
  await until(areTold, "all of the flock to be told of", 60_000);
  const areAllLost = { is: false };
  await act({
    flock,
    async lost(managers, withinMs, lose) {
      areAllLost.is = managers.length === world.managers.length;
      const names = managers.map(nameOf);
      const survivors = world.managers.filter((one) => !managers.includes(one));
      const cpu = () => survivors.reduce((sum, { process }) => sum + cpuSeconds(process.pid), 0);
      await lose();
      const begunMs = performance.now();
      const cpuBefore = cpu();
      const left = () => names.reduce((sum, name) => sum + events.openOn(name), 0);
      await until(() => left() === 0, "all of its clients to be told of", patienceMs);
      const tookMs = performance.now() - begunMs;
      const count = names.reduce((sum, name) => sum + events.endedOn(name), 0);
      // A busy machine makes it take longer, and costs the survivors no more of their time.
      const busy =
        survivors.length === 0
          ? ""
          : `, which took the other managers ${(cpu() - cpuBefore).toFixed(1)} s of CPU`;
      figures.push(`${count} clients told disconnected within ${(tookMs / 1000).toFixed(1)} s${busy}`);
      if (count < flock.plan.size) throw new Error(`only ${count} of ${flock.plan.size} were told of`);
      if (tookMs > withinMs)
        throw new WaitedInVain(`the last client was told of after ${Math.round(tookMs)} ms, not ${withinMs}`);
      return names;
    },
  });
  if (areAllLost.is) return;
  for (const [client, { connections, ended }] of events.connectionsOf("by-"))
    if (connections !== 1 || ended > 0)
      throw new Error(`${client} was told to be gone: ${connections} connections, ${ended} ended`);
}

/** Checks that on each manager the clients according to the events are those that are connected, and that a lost manager has none. */
async function isTrue({ managers, events }: World, lost?: string): Promise<void> {
  const isSo = async () => {
    for (const manager of managers) {
      await manager.look();
      if (events.openOn(nameOf(manager)) !== manager.metric("warren_clients")) return false;
    }
    return lost === undefined || events.openOn(lost) === 0;
  };
  await until(isSo, "events to tell of exactly those that are connected", 60_000);
}
