import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { LogReader } from "../../../../src/broker/broker.ts";
import { seal } from "../../../../src/envelope/envelope.ts";
import { integrationTimeoutMs } from "../../../support/timeout.ts";
import { turn } from "../../../unit/doubles/turn.ts";
import { after, filled, numbers, started } from "../../../unit/gateway/durable/durables-by-hand.ts";

setDefaultTimeout(integrationTimeoutMs);

describe("durable subscriptions that catch up in memory", () => {
  test("read each record together, wherever each of them begins", async () => {
    const { durables, self } = await filled(4000);
    const peers = Array.from({ length: 2000 }, (_, index) =>
      self.subscribe(`t.${index % 100}`, after(index * 2)),
    );
    self.looks = 0;
    await self.until(() => durables.counts.atEnd === peers.length);
    // One walker for each block, and each block is as long as all nearer ones together.
    expect(self.looks).toBeLessThan(4000 * 2.2);
    for (const [index, { client }] of peers.entries()) {
      const from = index * 2 + 1;
      const first = from + ((index - from + 4000) % 100);
      const wanted: string[] = [];
      for (let offset = first; offset < 4000; offset += 100) wanted.push(String(offset));
      expect(client.texts).toEqual(wanted);
    }
    durables.close();
  });

  test("that come one by one wait for those that are on their way, and not each for all", async () => {
    const { durables, self } = await filled(8000);
    self.looks = 0;
    let count = 0;
    for (; count < 1000; count++) {
      self.subscribe("t.1", after((count * 37) % 8000));
      if (count % 4 === 0) await turn();
    }
    await self.until(() => durables.counts.atEnd === count);
    // Each for itself would have looked into four million; a slow machine makes them wait for one another more.
    expect(self.looks).toBeLessThan(1_500_000);
    durables.close();
  });
});

describe("durable subscriptions that are older than memory", () => {
  test("let go of what comes beyond their memory, and read it again, fewer at a time", async () => {
    const { durables, self, client, again, give } = await overflown();
    expect(again).toMatchObject({ start: 1032, reader: { aheadMax: 32 } });
    // RabbitMQ begins with the whole chunk that a record lies in.
    for (let offset = 1030; offset < 1100; offset++) give(again!.reader, offset);
    await self.until(() => client.frames.length >= 99);
    expect(client.places).toEqual(numbers(1001, 1100));
    expect(client.gaps).toEqual([]);
    // Other readings are not sent more than that either.
    self.subscribe("t", after(60_000));
    await turn();
    expect(self.running.map(({ reader }) => reader.aheadMax)).toEqual([32, 32]);
    durables.close();
  });

  test("and are told of the gap if the log has dropped that meanwhile", async () => {
    const { durables, self, client, again, give } = await overflown();
    give(again!.reader, 1050);
    await self.until(() => self.running.some(({ start }) => start === 1031));
    const [third] = self.running;
    for (let offset = 1050; offset < 1060; offset++) give(third!.reader, offset);
    await self.until(() => client.frames.length >= 41);
    expect(client.places).toEqual([...numbers(1001, 1032), ...numbers(1050, 1060)]);
    expect(client.gaps).toEqual([31]);
    durables.close();
  });
});

/** A sweep that got so many large records at once that it reads some of them again. */
async function overflown() {
  const { durables, self } = started(100_000);
  const { client } = self.subscribe("t", after(1000));
  await turn();
  const [reading] = self.running;
  const text = "x".repeat(1024 ** 2);
  const give = (to: LogReader, offset: number) =>
    to.record(offset, "wsmanager", seal({ body: offset < 1040 ? text : "", topic: "t" }, "m", "app", 0));
  for (let offset = 1000; offset < 1100 && !reading!.isOver; offset++) give(reading!.reader, offset);
  expect(reading!.isOver).toBe(true);
  await self.until(() => self.running.length === 1);
  return { durables, self, client, again: self.running[0], give };
}
