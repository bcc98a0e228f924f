import { describe, expect, test } from "bun:test";
import { coalescedFromEvents } from "../../../src/events/event-publisher.ts";
import { unconfirmedMax } from "../../../src/events/event-writer.ts";
import { started } from "../../unit/doubles/played-manager.ts";

describe("60,000 subscriptions at once", () => {
  const clients = 3000;
  const topics = Array.from({ length: 20 }, (_, n) => `topic-${n}`);

  test("are told of as the broker takes them, none is lost, and the link stays", async () => {
    const { log, manager } = await started();
    const { heard } = log.listen();
    const all = Array.from({ length: clients }, () => manager.come());
    for (const topic of topics) for (const client of all) manager.subscribe(client, topic);
    await manager.quiet(100);
    expect(manager.link?.givenUp).toBeUndefined();
    expect(heard).toHaveLength(clients * (1 + topics.length));
    expect(manager.link!.underMax).toBeLessThanOrEqual(unconfirmedMax);
  }, 30_000);

  test("are told of anew after the link was lost, and no more than the broker takes is made", async () => {
    const { log, manager } = await started();
    const all = Array.from({ length: clients }, () => manager.come());
    for (const topic of topics) for (const client of all) manager.subscribe(client, topic);
    manager.link!.lose();
    const { heard } = log.listen();
    await manager.open();
    let pendingMax = 0;
    for (let turn = 0; turn < 5000 && heard.length < clients * 21; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      await manager.quiet(1);
      pendingMax = Math.max(pendingMax, manager.announcer.pending);
    }
    expect(heard).toHaveLength(clients * 21);
    expect(manager.link!.underMax).toBeLessThanOrEqual(unconfirmedMax);
    expect(pendingMax).toBeLessThan(2 * unconfirmedMax);
  }, 30_000);

  test("a broker that takes nothing: what waits is no more than what is different", async () => {
    const { log, manager } = await started();
    const { heard } = log.listen();
    const one = manager.come();
    await manager.quiet();
    for (let n = 0; n < coalescedFromEvents / 2; n++) {
      manager.subscribe(one, "flapping");
      manager.unsubscribe(one, "flapping");
      manager.go([manager.come()]);
      if (n % 100 === 0) manager.flush();
    }
    expect(manager.announcer.pending).toBeLessThan(coalescedFromEvents);
    const last = manager.come();
    await manager.quiet(100);
    expect(heard.at(-1)).toMatchObject({ event: "connected", client: last.id! });
  }, 30_000);
});
