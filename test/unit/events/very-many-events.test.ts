import { describe, expect, test } from "bun:test";
import { eventKeys } from "../../../src/broker/events.ts";
import { LoopTime } from "../../../src/ops/loop-time.ts";
import { EventLog, type FakeEventsLink } from "../doubles/event-log.ts";
import { always, PlayedManager, started } from "../doubles/played-manager.ts";
import { turn } from "../doubles/turn.ts";

/** So long a task may run in a turn of the event loop, and so long it takes at most to notice that its time is over. In milliseconds. */
const partMs = 5 + 2;

/** Calls `onPublished` with each event that is published, and whether it asks if anybody listens. */
function watch(link: FakeEventsLink, onPublished: (isProbe: boolean) => void): void {
  const publish = link.publish.bind(link);
  const probe = link.probe.bind(link);
  link.publish = (...what) => {
    onPublished(false);
    publish(...what);
  };
  link.probe = (...what) => {
    onPublished(true);
    probe(...what);
  };
}

/** A manager with a client and a program that listens. To publish an event takes a tenth of a millisecond. */
async function toldSlowly() {
  const clock = { ms: 0 };
  const loop = new LoopTime(() => clock.ms);
  const log = new EventLog();
  const manager = new PlayedManager(log, "m", always, always, undefined, { loop: () => loop });
  await manager.open();
  const { heard } = log.listen();
  const client = manager.come();
  await manager.quiet();
  watch(manager.link!, () => {
    clock.ms += 0.1;
  });
  return { clock, loop, manager, heard, client };
}

test("thousands of events are told by turns, none longer than its share, and a program gets all of them in order", async () => {
  const { clock, manager, heard, client } = await toldSlowly();
  const topics = Array.from({ length: 3000 }, (_, at) => `t.${at}`);
  for (const topic of topics) manager.announcer.subscribed(client, topic);
  let longestMs = 0;
  while (manager.announcer.pending > 0) {
    for (const act of [() => manager.flush(), () => manager.link?.arrive(), turn]) {
      const beganMs = clock.ms;
      await act();
      longestMs = Math.max(longestMs, clock.ms - beganMs);
    }
  }
  manager.link?.arrive();
  expect(heard.slice(1).map(({ topic }) => topic)).toEqual(topics);
  expect(longestMs).toBeLessThanOrEqual(partMs);
});

test("when the link is lost in the middle, nothing is left to do, and what happens after it is back is told once", async () => {
  const { loop, manager, heard, client } = await toldSlowly();
  for (let at = 0; at < 3000; at++) manager.announcer.subscribed(client, `t.${at}`);
  manager.flush();
  expect(manager.announcer.pending).toBeGreaterThan(0);
  manager.link?.lose();
  await turn();
  const { turn: last } = loop;
  await turn();
  expect(loop.turn).toBe(last);
  expect(manager.announcer.pending).toBe(0);
  await manager.open();
  manager.announcer.subscribed(client, "after");
  await manager.quiet();
  expect(heard.filter(({ topic }) => topic === "after")).toHaveLength(1);
});

test("a manager that stops, and waits until all is told, asks once about everything", async () => {
  const { manager } = await started();
  for (let count = 0; count < 10_000; count++) manager.come();
  let isTold = false;
  const told = manager.announcer.told().then(() => {
    isTold = true;
  });
  let roundTrips = 0;
  for (; !isTold; roundTrips++) await manager.quiet(1);
  await told;
  expect(roundTrips).toBeLessThanOrEqual(3);
});

describe("Where a client subscribes and unsubscribes thousands of times, and goes", () => {
  const churn = (manager: PlayedManager) => {
    const client = [...manager.clients][0]!;
    for (let at = 0; at < 2000; at++) {
      manager.subscribe(client, `t.${at}`);
      manager.unsubscribe(client, `t.${at}`);
    }
    manager.go([client]);
    return client;
  };

  test("a handful of events asks whether anybody listens, and the log knows that it has gone", async () => {
    const { log, manager } = await started();
    const client = manager.come();
    const connection = client.seat.connection;
    await manager.quiet();
    let [probes, published] = [0, 0];
    watch(manager.link!, (isProbe) => {
      published++;
      if (isProbe) probes++;
    });
    churn(manager);
    await manager.quiet();
    expect(manager.announcer.pending).toBe(0);
    expect(probes).toBeLessThan(10);
    expect(published).toBeLessThan(20);
    const batches = log.records
      .filter(({ key }) => key === eventKeys.clients)
      .map(({ body }) => JSON.parse(Buffer.from(body).toString()));
    expect(batches.flatMap(({ closed }) => closed)).toEqual([connection]);
  });

  test("a program that has begun to listen gets all of it in order", async () => {
    const { log, manager } = await started();
    manager.come();
    await manager.quiet();
    const { heard } = log.listen();
    churn(manager);
    await manager.quiet();
    const told = Array.from({ length: 2000 }, (_, at) => [`subscribed t.${at}`, `unsubscribed t.${at}`]);
    expect(heard.map(({ event, topic }) => [event, topic].join(" ").trim())).toEqual([
      ...told.flat(),
      "disconnected",
    ]);
  });
});

test("where more clients come and go than one question is about, the next one follows at once", async () => {
  const gathered: number[] = [];
  const log = new EventLog();
  const manager = new PlayedManager(log, "m", always, always, (_, gatherMs) => void gathered.push(gatherMs));
  await manager.open();
  for (let at = 0; at < 3000; at++) manager.go([manager.come()]);
  const before = gathered.length;
  await manager.quiet();
  expect(manager.announcer.pending).toBe(0);
  expect(gathered.length).toBeGreaterThan(before);
  expect(gathered.slice(before)).toEqual(gathered.slice(before).fill(0));
});
