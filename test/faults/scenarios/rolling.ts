import { until, WaitedInVain } from "../../support/wait.ts";
import { Counter } from "../counter.ts";
import { Flock } from "../flock.ts";
import { nameOf } from "../names.ts";
import { scaled } from "../scale.ts";
import type { Scenario } from "../scenario.ts";

/** How many clients there are. All begin on the first manager. */
const clients = 15_000;
const durables = 200;
/** How long they have to leave, in milliseconds. */
const drainMs = 30_000;
/** Of the clients of one manager that leaves. */
const leavingInASecondMax = 700;
/** How many clients use server-sent events. */
const listeners = 5000;
/** How long they may take until they have everything on another manager, in milliseconds. */
const resumedMsMax = 10_000;
/** How often a number is sent, in milliseconds, and how many of them have to come when all is over. */
const toDurables = { everyMs: 50, more: 20 } as const;
const toListeners = { everyMs: 500, more: 3 } as const;

/** Clients that go from one manager to another, and lose nothing if they have a position in the log. */
export const rollingScenarios: readonly Scenario[] = [
  {
    name: "clients: a rolling restart of three managers",
    get setting() {
      const managerArgs = ["--drain-time", `${scaled(drainMs)}ms`];
      return { furtherManagers: 1, isRoaming: true, hasReceipts: true, messagesPerSecond: 200, managerArgs };
    },
    safe: "receipted",
    isDurableAlone: true,
    async fault(world) {
      const { ports, managers, events, load, figures } = world;
      await using flock = new Flock({
        kind: "text",
        topic: "flock",
        ports,
        size: scaled(clients),
        prefix: "flock",
      });
      await using durable = new Flock({
        kind: "durable",
        topic: "numbers",
        ports,
        size: durables,
        prefix: "durable",
      });
      await Promise.all([flock.gathered(), durable.gathered()]);
      using counter = new Counter(ports, "numbers", toDurables.everyMs);
      await until(() => durable.state.least > 0, "numbers to come");
      let busiest = 0;
      for (const manager of managers) {
        const name = nameOf(manager);
        const code = await manager.end("SIGTERM");
        if (code !== 0) throw new Error(`${manager.name} exited with ${code}`);
        await (await manager.running()).waitUntilReady(30_000);
        await until(() => events.openOn(name) === 0, "all who left to be told of", 30_000);
        busiest = Math.max(busiest, events.mostEndsInASecond(name));
      }
      load.mark();
      await until(() => load.resumedMs !== undefined, "answers to come again", 30_000);
      await flock.gathered();
      const goal = counter.confirmed + toDurables.more;
      await allHave(durable, counter, goal);
      const left = Object.values(flock.state.closes).reduce((sum, count) => sum + count, 0);
      figures.push(
        `${flock.plan.size} clients left ${left} times, ${busiest} in the busiest second; ${durables} durable ones have all of ${goal} messages`,
      );
      if (busiest > leavingInASecondMax) throw new Error(`${busiest} clients left in one second`);
      const codes = Object.keys(flock.state.closes);
      if (codes.some((code) => code !== "1012"))
        throw new Error(`clients were closed with ${codes.join(", ")}`);
    },
  },
  {
    name: "clients: server-sent events go on when their manager is killed",
    setting: { hasProbe: true },
    safe: "reached RabbitMQ",
    async fault(world) {
      const { ports, manager, load, figures } = world;
      await using flock = new Flock({
        kind: "events",
        topic: "numbers",
        ports,
        size: scaled(listeners),
        prefix: "sse",
      });
      await flock.gathered();
      using counter = new Counter(ports.slice(1), "numbers", toListeners.everyMs);
      await until(() => flock.state.least > toListeners.more, "numbers to come", 30_000);
      await manager.end("SIGKILL");
      const begunMs = performance.now();
      load.mark();
      const goal = counter.confirmed + toListeners.more;
      await allHave(flock, counter, goal);
      const tookMs = performance.now() - begunMs;
      figures.push(
        `${flock.plan.size} clients have all of ${goal} messages ${(tookMs / 1000).toFixed(1)} s later`,
      );
      if (tookMs > resumedMsMax)
        throw new WaitedInVain(`the clients had everything after ${Math.round(tookMs)} ms`);
      await until(() => load.resumedMs !== undefined, "answers to come again", 30_000);
    },
  },
];

/** Checks that each client has got so many messages, in order, without a missing or repeated one. */
async function allHave(flock: Flock, counter: Counter, count: number): Promise<void> {
  await until(() => counter.confirmed >= count, "numbers to be confirmed", 30_000);
  await until(
    () => flock.state.least >= count || flock.state.faults.length > 0,
    `all have ${count} messages`,
    60_000,
  );
  if (flock.state.faults.length > 0) throw new Error(flock.state.faults.join("; "));
}
