import { expect, test } from "bun:test";
import fc from "fast-check";
import { Announcer } from "../../../src/events/announcer.ts";
import type { Attendee } from "../../../src/events/attendance.ts";
import { speakForDead } from "../../../src/events/heir.ts";
import { EventLog, type FakeEventsLink } from "../doubles/event-log.ts";

/** A manager as the properties play it: clients that come and go, and a link that is lost and opened. */
class PlayedManager {
  readonly manager: string;
  readonly clients = new Set<Attendee>();
  readonly announcer: Announcer;
  readonly #log: EventLog;
  #number = 0;
  #count = 0;
  link: FakeEventsLink | undefined;
  isDead = false;

  constructor(log: EventLog, manager: string) {
    this.#log = log;
    this.manager = manager;
    this.announcer = new Announcer(manager, this.clients, {
      onFault: () => undefined,
      onSettled: () => undefined,
    });
  }

  async open(): Promise<void> {
    if (this.link !== undefined) return;
    this.link = this.#log.connect(this.#peer, ++this.#number);
    await this.quiet();
  }

  get #peer() {
    return {
      manager: this.manager,
      opened: (link: FakeEventsLink) => {
        this.link = link;
        this.announcer.opened(link);
      },
      closed: () => {
        this.link = undefined;
        this.announcer.closed();
      },
      confirmed: (tag: number, multiple: boolean) => this.announcer.confirmed(tag, multiple),
      blocked: () => undefined,
      told: () => undefined,
    } as never;
  }

  come(): void {
    const client = {
      id: `client-${this.manager}-${++this.#count}`,
      protocol: "text",
      topics: () => [],
      seat: { address: undefined, connection: 0 },
    };
    this.clients.add(client);
    this.announcer.connected(client);
  }

  go(): void {
    const [client] = this.clients;
    if (client === undefined) return;
    this.clients.delete(client);
    this.announcer.disconnected(client, "1000");
  }

  /** What is under way arrives, until nothing more follows. */
  async quiet(): Promise<void> {
    for (let turn = 0; turn < 30; turn++) {
      await Promise.resolve();
      this.link?.arrive();
    }
  }
}

const action = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("come" as const), who: fc.nat(2) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("go" as const), who: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("arrive" as const), who: fc.nat(2) }) },
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

test("every connected is followed by exactly one disconnected, whatever links and managers do", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 80, size: "max" }), async (actions) => {
      const log = new EventLog();
      const managers = [0, 1, 2].map((n) => new PlayedManager(log, `m${n}`));
      for (const manager of managers) await manager.open();
      for (const act of actions) {
        const manager = managers[act.who]!;
        if (act.do === "come") manager.come();
        else if (act.do === "go") manager.go();
        else if (act.do === "arrive") await manager.quiet();
        else if (act.do === "open") await manager.open();
        else if (act.do === "lose") manager.link?.lose(act.arriving);
        else if (act.do === "late") log.arriveLate();
        else if (act.do === "snapshot") manager.announcer.snapshot();
        else if (act.do === "inherit") await inherit(manager, managers[act.from]!);
        else await inherit(manager, managers[act.from]!, act.arriving);
      }
      // All die in the end, and one that comes then speaks for them.
      const known = managers.map(({ manager, announcer }) => [manager, announcer.sources, 0] as const);
      for (const { link } of managers) link?.lose();
      const last = new PlayedManager(log, "last");
      await last.open();
      for (const one of known) {
        const spoken = speakForDead(one, last.link!, last.announcer);
        await last.quiet();
        expect(await spoken).toBeDefined();
      }
      log.arriveLate();
      await last.quiet();
      check(log);
    }),
    { numRuns: 100 },
  );
}, 20_000);

/** One manager takes another one for dead, which may be alive: frozen, or cut off. */
async function inherit(heir: PlayedManager, dead: PlayedManager, arriving?: number): Promise<void> {
  const { link } = heir;
  if (link === undefined || heir === dead || !heir.announcer.isLive) return;
  const known = [dead.manager, dead.announcer.sources, dead.announcer.snapshotAt] as const;
  const spoken = speakForDead(known, link, heir.announcer).catch(() => undefined);
  if (arriving === undefined) await heir.quiet();
  else {
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    link.lose(arriving);
  }
  await spoken;
}

function check(log: EventLog): void {
  const ends = new Map<string, number>();
  for (const { event, connection } of log.events) {
    if (event === "connected") {
      expect(ends.has(connection)).toBe(false);
      ends.set(connection, 0);
    } else {
      expect(ends.get(connection)).toBe(0);
      ends.set(connection, 1);
    }
  }
  expect([...ends].filter(([, count]) => count !== 1)).toEqual([]);
}
