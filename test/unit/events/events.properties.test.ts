import { expect, test } from "bun:test";
import fc from "fast-check";
import { eventKeys } from "../../../src/broker/events.ts";
import { reportDead } from "../../../src/events/dead-managers.ts";
import { EventLog, type Listener } from "../doubles/event-log.ts";
import { PlayedManager } from "../doubles/played-manager.ts";
import { rounds } from "../doubles/rounds.ts";

const action = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("come" as const), who: fc.nat(2) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("go" as const), who: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("arrive" as const), who: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("flush" as const), who: fc.nat(2) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("listen" as const),
      who: fc.nat(2),
      keys: fc.constantFrom(undefined, [eventKeys.connected], [eventKeys.disconnected]),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("unlisten" as const), who: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("open" as const), who: fc.nat(2) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("lose" as const), who: fc.nat(2), arriving: fc.nat(5) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("late" as const), who: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("snapshot" as const), who: fc.nat(2) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("inherit" as const), who: fc.nat(2), from: fc.nat(2) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("die half way" as const),
      who: fc.nat(2),
      from: fc.nat(2),
      arriving: fc.nat(5),
    }),
  },
);

const game = fc.record({
  actions: fc.array(action, { maxLength: 80, size: "max" }),
  /** Whether programs are asked again at once whether they listen, or never. */
  believedMs: fc.constantFrom(0, Number.POSITIVE_INFINITY),
  /** Whether a program listens all the time. */
  isHeard: fc.boolean(),
  /** How much one question may be, mostly less than what waits. */
  questionLimits: fc.record({
    eventsMax: fc.constantFrom(1, 3, 1000),
    probesMax: fc.constantFrom(1, 2, 1000),
  }),
});

test("every connected is followed by exactly one disconnected, whatever links, managers and programs that listen do", async () => {
  await fc.assert(
    fc.asyncProperty(game, async ({ actions, believedMs, isHeard, questionLimits }) => {
      const log = new EventLog();
      const always = isHeard ? log.listen() : undefined;
      const gone: Listener[] = [];
      const listening: Listener[] = [];
      const manage = (name: string) =>
        new PlayedManager(log, name, believedMs, undefined, undefined, { questionLimits });
      const managers = [0, 1, 2].map((n) => manage(`m${n}`));
      for (const manager of managers) await manager.open();
      for (const act of actions) {
        const manager = managers[act.who]!;
        if (act.do === "come") manager.come();
        else if (act.do === "go") manager.go();
        else if (act.do === "arrive") await manager.quiet();
        else if (act.do === "flush") manager.flush();
        else if (act.do === "listen") listening.push(log.listen(act.keys));
        else if (act.do === "unlisten") {
          const listener = listening.shift();
          if (listener === undefined) continue;
          log.unlisten(listener);
          gone.push(listener);
        } else if (act.do === "open") await manager.open();
        else if (act.do === "lose") manager.link?.lose(act.arriving);
        else if (act.do === "late") log.arriveLate();
        else if (act.do === "snapshot") manager.announcer.snapshot();
        else if (act.do === "inherit") await inherit(manager, managers[act.from]!);
        else await inherit(manager, managers[act.from]!, act.arriving);
      }
      for (const manager of managers) {
        // One that was taken for dead learns it, and comes again.
        manager.announcer.snapshot();
        await manager.quiet();
        await manager.open();
        await manager.quiet();
      }
      // All die in the end, and one that comes then speaks for them.
      const late = log.listen();
      const known = managers.map(({ manager, announcer }) => [manager, announcer.sources, 0] as const);
      for (const { link } of managers) link?.lose();
      const last = manage("last");
      await last.open();
      const spoken = reportDead(known, last.link!, last.announcer.outgoing);
      await last.quiet();
      expect((await spoken).counts.size).toBe(known.length);
      log.arriveLate();
      await last.quiet();
      const there = managers.flatMap(({ clients }) => [...clients].map(({ id }) => id!));
      expect(late.heard.map(({ client }) => client).sort()).toEqual(there.sort());
      for (const listener of listening) {
        if (listener.keys === undefined) checkAll(listener);
        else ends(listener);
      }
      if (always !== undefined) checkAll(always);
      for (const listener of gone) ends(listener);
      // Programs that share the work: one was told of ends before the other began to hear of beginnings.
      for (const [at, one] of listening.entries()) {
        if (one.keys?.includes(eventKeys.disconnected) === false) continue;
        const ended = new Set(one.heard.map(({ connection }) => connection));
        for (const { keys, heard } of listening.slice(at + 1))
          if (keys?.includes(eventKeys.connected))
            expect(heard.filter(({ connection }) => !ended.has(connection))).toEqual([]);
      }
    }),
    rounds(100),
  );
}, 20_000);

/** One manager takes another one for dead, which may be alive: frozen, or cut off. */
async function inherit(heir: PlayedManager, dead: PlayedManager, arriving?: number): Promise<void> {
  const { link } = heir;
  if (link === undefined || heir === dead || !heir.announcer.isLive) return;
  const known = [dead.manager, dead.announcer.sources, dead.announcer.snapshotAt] as const;
  const spoken = reportDead([known], link, heir.announcer.outgoing).catch(() => undefined);
  if (arriving === undefined) await heir.quiet();
  else {
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    link.lose(arriving);
  }
  await spoken;
}

/** How often each connection ended that a program heard of, which is once at most; and 0 for those that began. */
function ends({ heard }: Listener): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { event, connection } of heard) {
    if (event === "connected") {
      expect(counts.has(connection)).toBe(false);
      counts.set(connection, 0);
    } else {
      expect(counts.get(connection) ?? 0).toBe(0);
      counts.set(connection, 1);
    }
  }
  return counts;
}

function checkAll(listener: Listener): void {
  expect([...ends(listener)].filter(([, count]) => count !== 1)).toEqual([]);
}
