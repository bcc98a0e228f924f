import { describe, expect, test } from "bun:test";
import { eventKeys } from "../../../src/broker/events.ts";
import { removeCancelled } from "../../../src/events/coalescing.ts";
import { reportDead } from "../../../src/events/dead-managers.ts";
import { EventPublisher, gatheredMax } from "../../../src/events/event-publisher.ts";
import { Gathered } from "../../../src/events/gathered.ts";
import { Outgoing } from "../../../src/events/outgoing.ts";
import { PendingEvent } from "../../../src/events/pending-event.ts";
import { until } from "../../support/wait.ts";
import { EventLog } from "../doubles/event-log.ts";
import { always, PlayedManager, started } from "../doubles/played-manager.ts";

describe("While no program listens", () => {
  test("a hundred clients cost a dozen messages, and their manager's heir knows them all", async () => {
    const { log, manager } = await started();
    const before = manager.link!.published;
    for (let n = 0; n < 100; n++) manager.subscribe(manager.come(), "t");
    for (let n = 0; n < 10; n++) manager.go();
    await manager.quiet();

    expect(manager.link!.published - before).toBeLessThan(12);
    const known = [manager.manager, manager.announcer.sources, 0] as const;
    manager.link!.lose();
    const heard = log.listen();
    const heir = new PlayedManager(log, "heir");
    await heir.open();
    const spoken = reportDead([known], heir.link!, heir.announcer.outgoing);
    await heir.quiet();
    expect((await spoken).counts.get("m")).toBe(90);
    expect(heard.heard.map(({ client }) => client)).toEqual([...manager.clients].map(({ id }) => id!));
  });

  test("one that begins to listen hears of all that happens from then on, in order", async () => {
    const { log, manager } = await started();
    const [first, second] = [manager.come(), manager.come()];
    await manager.quiet();
    const { heard } = log.listen();
    manager.subscribe(second, "a");
    const third = manager.come();
    manager.subscribe(third, "b");
    manager.subscribe(first, "c");
    manager.unsubscribe(third, "b");
    manager.go([third]);
    manager.go([first]);
    const fourth = manager.come();
    manager.go([fourth]);
    await manager.quiet();
    const told = (id: string | undefined) =>
      heard
        .filter(({ client }) => client === id)
        .map(({ event, topic }) => (topic === undefined ? event : `${event} ${topic}`));
    expect(told(first.id)).toEqual(["subscribed c", "disconnected"]);
    expect(told(second.id)).toEqual(["subscribed a"]);
    expect(told(third.id)).toEqual(["connected", "subscribed b", "unsubscribed b", "disconnected"]);
    expect(told(fourth.id)).toEqual(["connected", "disconnected"]);
  });

  test("a program that listens to ends alone gets each, also of clients that came and went at once", async () => {
    const { log, manager } = await started();
    const { heard } = log.listen([eventKeys.disconnected]);
    manager.come();
    for (let n = 0; n < 3; n++) manager.go([manager.come()]);
    manager.go();
    await manager.quiet();
    expect(heard.map(({ event }) => event)).toEqual(Array(4).fill("disconnected"));
  });
});

test("of very many at once few are gathered, so that little waits and few can cancel one another", () => {
  const times: number[] = [];
  const later = () => ({ flush: (gatherMs: number) => void times.push(gatherMs), close: () => undefined });
  const telling = new EventPublisher("m", new Outgoing(), { later });
  for (let n = 0; n < gatheredMax; n++) telling.tell("subscribed", n, `c${n}`, "t");
  expect(times.filter((ms) => ms === 0)).toHaveLength(1);
  expect(times.at(-1)).toBe(0);
});

test("after a probe that reached no program, events are gathered, also after a quiet time, until a program listens", async () => {
  const lazy: boolean[] = [];
  const log = new EventLog();
  const manager = new PlayedManager(log, "m", always, always, (isLazy) => void lazy.push(isLazy));
  await manager.open();
  const [first, second, third] = [manager.come(), manager.come(), manager.come()];
  await manager.quiet();
  log.listen();
  manager.go([first]);
  await manager.quiet();
  manager.go([second]);
  manager.link!.lose();
  await manager.open();
  manager.go([third]);
  expect(lazy).toEqual([false, false, false, true, false, false]);
});

test("when the last program has gone no events are sent, and a program that comes back gets all again", async () => {
  const { log, manager } = await started({ believedMs: 0 });
  const listener = log.listen();
  manager.come();
  await manager.quiet();
  expect(listener.heard).toHaveLength(1);
  log.unlisten(listener);
  for (let n = 0; n < 3; n++) manager.come();
  await manager.quiet();
  const before = manager.link!.published;
  for (let n = 0; n < 100; n++) manager.come();
  await manager.quiet();
  expect(manager.link!.published - before).toBeLessThan(5);
  const { heard } = log.listen();
  for (let n = 0; n < 100; n++) manager.come();
  await manager.quiet();
  expect(heard).toHaveLength(100);
});

describe("When RabbitMQ refuses", () => {
  test("an event for the full queue of a program, the link stays, and a snapshot sets the log right", async () => {
    const { log, manager } = await started({ doubtMs: 0 });
    log.listen();
    manager.come();
    await manager.quiet();
    const before = manager.announcer.snapshotAt;
    log.isFull = true;
    manager.come();
    await manager.quiet();
    expect(manager.link?.givenUp).toBeUndefined();
    expect(manager.refusals).toBe(1);
    log.isFull = false;
    // Its time is in milliseconds.
    await until(() => Date.now() > before, "a later one can be told");
    manager.announcer.tick();
    await manager.quiet();
    expect(manager.announcer.snapshotAt).toBeGreaterThan(before);
  });

  test("to write into the log, the link is given up", async () => {
    const { log, manager } = await started();
    log.isLogFull = true;
    manager.announcer.snapshot();
    manager.link!.arrive();
    expect(manager.link).toBeUndefined();
  });
});

describe("Events that cancel one another are left out:", () => {
  const event = (number: number, what: PendingEvent["event"], topic?: string) =>
    new PendingEvent(what, number, `c${number}`, 0, topic);
  const left = (...events: PendingEvent[]) => {
    const gathered = new Gathered();
    for (const { event, number, id, at, detail } of events)
      gathered.add(event, number, id, at, detail, undefined);
    removeCancelled(gathered);
    return [...gathered].map(({ event, number, detail }) => [number, event, detail].join(" ").trim());
  };

  test("a client that came and went", () => {
    const came = [event(1, "connected"), event(1, "subscribed", "t"), event(2, "connected")];
    expect(left(...came, event(1, "disconnected"))).toEqual(["2 connected"]);
  });

  test("a topic that was subscribed to and left", () => {
    const flapped = [event(1, "subscribed", "t"), event(1, "unsubscribed", "t"), event(1, "subscribed", "t")];
    expect(left(event(1, "unsubscribed", "t"), ...flapped)).toEqual(["1 unsubscribed t", "1 subscribed t"]);
  });

  test("subscriptions of a client that went, but not its end, if its beginning was told", () => {
    const changed = [event(1, "unsubscribed", "a"), event(1, "subscribed", "b")];
    expect(left(...changed, event(1, "disconnected"))).toEqual(["1 disconnected"]);
  });
});
