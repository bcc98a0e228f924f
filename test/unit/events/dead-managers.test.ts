import { expect, test } from "bun:test";
import { reportDead } from "../../../src/events/dead-managers.ts";
import type { Known } from "../../../src/events/event.ts";
import { EventLog } from "../doubles/event-log.ts";
import { PlayedManager } from "../doubles/played-manager.ts";

async function heirOf(log: EventLog) {
  const heir = new PlayedManager(log, "heir");
  await heir.open();
  return {
    heir,
    link: heir.link!,
    async speak(dead: readonly Known[], isDone?: (manager: string) => boolean) {
      const spoken = reportDead(dead, heir.link!, heir.announcer.outgoing, isDone);
      await heir.quiet();
      return await spoken;
    },
  };
}

/** Managers that had clients, and are dead. */
async function deadIn(log: EventLog, clients: Readonly<Record<string, number>>): Promise<Known[]> {
  const dead: Known[] = [];
  for (const [name, count] of Object.entries(clients)) {
    const manager = new PlayedManager(log, name);
    await manager.open();
    for (let n = 0; n < count; n++) manager.come();
    await manager.quiet();
    dead.push([name, manager.announcer.sources, manager.announcer.snapshotAt]);
    manager.link!.lose();
  }
  return dead;
}

test("a manager that was spoken for meanwhile is not spoken for again", async () => {
  const log = new EventLog();
  const { speak, link } = await heirOf(log);
  const { heard } = log.listen();
  const known = ["dead", ["wsmanager.events.dead.1"], 0] as const;
  const before = link.published;
  expect((await speak([known], () => true)).counts.size).toBe(0);
  expect(link.published).toBe(before);
  expect(heard).toEqual([]);
});

test("managers that died together are spoken for with one reading of the log, whatever else died", async () => {
  const log = new EventLog();
  const dead = await deadIn(log, { one: 3, two: 0, three: 5 });
  const { speak, link } = await heirOf(log);
  const { heard } = log.listen();
  const read = link.read.bind(link);
  let readings = 0;
  link.read = (...args) => {
    readings++;
    return read(...args);
  };
  const neverWas: Known = ["made-up", ["wsmanager.events.made-up.1"], 0];
  const { counts, failures } = await speak([...dead, neverWas]);
  expect(Object.fromEntries(counts)).toEqual({ one: 3, two: 0, three: 5, "made-up": 0 });
  expect(failures).toEqual([]);
  expect(readings).toBe(1);
  expect(heard).toHaveLength(8);
  expect(new Set(heard.map(({ connection }) => connection)).size).toBe(8);
});

test("one for which nobody can speak, or for which another manager does, does not keep the others from their turn", async () => {
  const log = new EventLog();
  const [one, broken, taken, last] = await deadIn(log, { one: 1, broken: 2, taken: 3, last: 4 });
  const { speak, link } = await heirOf(log);
  const { heard } = log.listen();
  const alone = link.alone.bind(link);
  link.alone = async (manager, job) => {
    if (manager === "broken") throw new Error("its lock is a queue of somebody else");
    return await alone(manager, job);
  };
  await log.alone("taken", async () => {
    const { counts, failures } = await speak([one!, broken!, taken!, last!]);
    expect(Object.fromEntries(counts)).toEqual({ one: 1, last: 4 });
    expect(failures).toHaveLength(1);
  });
  expect(heard).toHaveLength(5);
});
