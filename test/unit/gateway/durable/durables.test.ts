import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { markContentType } from "../../../../src/broker/broker.ts";
import { contentsOf, contentsWith } from "../../../../src/envelope/envelope.ts";
import { pack, packedContentType } from "../../../../src/envelope/packing.ts";
import { LogRecord, type Opener } from "../../../../src/log/record.ts";
import { integrationTimeoutMs } from "../../../support/timeout.ts";
import { until } from "../../../support/wait.ts";
import { turn } from "../../doubles/turn.ts";
import { after, DurablesByHand, envelopeAt, filled, numbers, started } from "./durables-by-hand.ts";

setDefaultTimeout(integrationTimeoutMs);

describe("durable subscriptions that catch up in memory", () => {
  test("near the end wait for none that has further to go, also in a log of large packs", async () => {
    const { durables, self } = started();
    const each = 500;
    const packs = 200;
    for (let offset = 1; offset <= packs; offset++) {
      const body = pack(Array.from({ length: each }, () => ({ body: "x", topic: "t" })));
      const envelope = { ...envelopeAt(offset, "t"), body, contentType: packedContentType };
      const opener: Opener = (record) => contentsOf(envelope, String(record.offset));
      durables.logged(new LogRecord(offset, "wsmanager", envelope, opener));
    }
    await turn();
    const { client: whole } = self.subscribe("t", after(0));
    await self.until(() => whole.frames.length > 0);
    const place = packs - 20;
    const { client: near } = self.subscribe("t", after(place));
    await self.until(() => near.frames.length > 0);
    expect(whole.frames.length).toBeLessThan((each * place) / 2);
    durables.close();
  });

  test("that begin with what comes next are at the end at once", () => {
    const { durables, subscribe } = started();
    for (let count = 0; count < 100; count++) subscribe(`t.${count}`, "next");
    expect(durables.counts).toEqual({ atEnd: 100, catchingUp: 0, sweeping: 0, parked: 0, locating: 0 });
  });

  test("and are overtaken by what has to make room are read to from the log, all at once", async () => {
    const { durables, self } = started(0, 100_000);
    self.log(1, 100);
    for (let offset = 1; offset < 90; offset++) self.subscribe("t", after(offset));
    expect(durables.counts).toMatchObject({ sweeping: 0 });
    self.log(100, 1000);
    await self.until(() => durables.counts.sweeping > 0);
    expect(durables.counts.catchingUp + durables.counts.sweeping).toBe(89);
    await self.until(() => durables.counts.sweeping === 89);
    durables.close();
  });

  test("and have to tell of a gap cost nothing for what is not for them", async () => {
    const { durables, self } = started();
    self.log(1, 10);
    const peers = Array.from({ length: 500 }, (_, index) => self.subscribe(`t.${index}`, "next"));
    durables.missed("dropped");
    self.looks = 0;
    for (let offset = 100; offset < 200; offset++) {
      self.log(offset, offset + 1, () => "t.7");
      await turn();
    }
    expect(self.looks).toBeLessThan(500);
    expect(peers[7]!.client.texts).toEqual(numbers(100, 200));
    expect(peers[7]!.client.gaps).toEqual([0]);
    expect(durables.counts).toMatchObject({ atEnd: 1, catchingUp: 499 });
    durables.close();
  });
});

describe("durable subscriptions that begin with the log's first message", () => {
  const markAt = (offset: number) => ({ ...envelopeAt(offset, "t"), contentType: markContentType });

  test("are read to from memory where that has the whole log", async () => {
    const { durables, self } = started();
    self.log(1, 10);
    const { client } = self.subscribe("t", "first");
    await self.until(() => durables.counts.atEnd === 1);
    expect(client.texts).toEqual(numbers(1, 10));
    expect(self.readings).toEqual([]);
    durables.close();
  });

  test("are at the end at once where the log is empty, and get what comes then", () => {
    const { durables, self } = started();
    const { client, subscription } = self.subscribe("t", "first");
    expect(durables.counts.atEnd).toBe(1);
    expect(durables.placeOf(subscription)).toBe("0");
    self.log(1, 3);
    expect(client.texts).toEqual(numbers(1, 3));
    expect(self.readings).toEqual([]);
    durables.close();
  });

  test("have the log read until it is known that only marks are older than what is in memory", async () => {
    const { durables, self } = started(5, 100_000);
    self.log(5, 8);
    const begin = async () => {
      const { client } = self.subscribe("t", "first");
      await turn();
      return client;
    };
    const client = await begin();
    const { reader } = self.running[0]!;
    for (let offset = 0; offset < 5; offset++) reader.record(offset, "wsmanager", markAt(offset));
    reader.record(5, "wsmanager", envelopeAt(5, "t"));
    await self.until(() => durables.counts.atEnd === 1);
    expect(client.texts).toEqual(numbers(5, 8));
    const second = await begin();
    await self.until(() => durables.counts.atEnd === 2);
    expect(second.texts).toEqual(numbers(5, 8));
    expect(self.readings).toHaveLength(1);
    // What was in memory is older than that now.
    self.log(8, 1000);
    await begin();
    expect(self.running).toHaveLength(1);
    durables.close();
  });

  test("have it read again and again where there was an older message", async () => {
    const { durables, self } = started(5);
    self.log(5, 8);
    for (const readings of [1, 2]) {
      const { client } = self.subscribe("t", "first");
      await turn();
      expect(self.readings).toHaveLength(readings);
      const { reader } = self.running[0]!;
      for (let offset = 4; offset < 6; offset++) reader.record(offset, "wsmanager", envelopeAt(offset, "t"));
      await self.until(() => durables.counts.atEnd === readings);
      expect(client.texts).toEqual(numbers(4, 8));
    }
    durables.close();
  });
});

test("of what a client has yet to read one batch waits beside what the network has taken, and it is read on for when that has gone", async () => {
  const { durables, self } = await filled(2000);
  const { client, subscription } = self.subscribe("#", after(0));
  client.networkTakes(20_000);
  const waited: number[] = [];
  while (client.frames.length < 1999) {
    await self.until(() => durables.counts.parked === 1 || client.frames.length === 1999);
    waited.push(client.waitingBytes);
    // What is taken in part is no reason to read on.
    client.networkTakes(client.waitingBytes / 2);
    durables.drained(subscription);
    expect(durables.counts.parked).toBe(client.waitingBytes > 0 ? 1 : 0);
    client.networkTakes(20_000);
    durables.drained(subscription);
  }
  expect(client.texts).toEqual(numbers(1, 2000));
  // A batch has 16 KiB without what each client's frames begin with.
  expect(Math.max(...waited)).toBeLessThan(32 * 1024);
  expect(waited.length).toBeGreaterThan(4);
  durables.close();
});

test("a durable subscription whose client goes while it is written to is kept nowhere", async () => {
  const { durables, self } = started();
  self.log(1, 10);
  const { client, subscription } = self.subscribe("t", after(3));
  client.socket.send = () => {
    client.isReading(false);
    durables.remove(subscription, false);
    return 0;
  };
  await self.until(() => subscription.state === "ended");
  client.isReading(true);
  durables.drained(subscription);
  self.log(10, 12);
  await turn();
  expect(durables.counts).toEqual({ atEnd: 0, catchingUp: 0, sweeping: 0, parked: 0, locating: 0 });
  durables.close();
});

describe("when the log begins anew, a durable subscription", () => {
  test("that is parked is told of the gap, and gets all of the new log", async () => {
    const { durables, self } = started();
    self.log(1, 10);
    const { client, subscription } = self.subscribe("t", after(3));
    client.isReading(false);
    await self.until(() => durables.counts.parked === 1);
    const had = client.frames.length;
    durables.missed("another log");
    self.log(0, 15);
    client.isReading(true);
    durables.drained(subscription);
    await turn();
    // Where the new log begins only reading it tells.
    for (const { reader, start } of self.running) {
      expect(start).toBe("first");
      reader.record(0, "wsmanager", envelopeAt(0, "t"));
    }
    await self.until(() => durables.counts.atEnd === 1);
    expect(client.texts.slice(had)).toEqual(numbers(0, 15));
    expect(client.gaps).toEqual([had]);
    durables.close();
  });

  test("that was to get the newest message of the old one alone is told of the gap, and gets all of the new log", async () => {
    const { durables, self } = started();
    self.log(1, 10);
    const { client, subscription } = self.subscribe("t", "last");
    client.isReading(false);
    await self.until(() => durables.counts.parked === 1);
    durables.missed("another log");
    self.log(0, 15);
    client.isReading(true);
    durables.drained(subscription);
    await turn();
    for (const { reader } of self.running) reader.record(0, "wsmanager", envelopeAt(0, "t"));
    await self.until(() => durables.counts.atEnd === 1);
    expect(client.texts).toEqual(numbers(0, 15));
    expect(client.gaps).toEqual([0]);
    durables.close();
  });

  test("that reads old parts is served again, and told of the gap", async () => {
    const { durables, self } = started(100);
    const { client } = self.subscribe("t", after(20));
    await turn();
    const [old] = self.running;
    for (const offset of [20, 21]) old!.reader.record(offset, "wsmanager", envelopeAt(offset, "t"));
    await self.until(() => client.texts.length === 1);
    expect(durables.counts.sweeping).toBe(1);
    old!.reader.ended("lost");
    durables.missed("another log");
    self.log(0, 5);
    await self.until(() => durables.counts.atEnd === 1);
    expect(client.texts).toEqual(["21", ...numbers(0, 5)]);
    expect(client.gaps).toEqual([1]);
    expect(self.running).toEqual([]);
    durables.close();
  });

  test("that waits to hear how far the log reaches gets all of the new log", async () => {
    const { durables, self } = started(100);
    const { client } = self.subscribe("t", after(500));
    expect(durables.counts.locating).toBe(1);
    durables.missed("another log");
    self.log(0, 5);
    for (const then of self.marks) then(5);
    await self.until(() => durables.counts.atEnd === 1);
    expect(client.texts).toEqual(numbers(0, 5));
    expect(client.gaps).toEqual([0]);
    durables.close();
  });
});

describe("durable subscriptions that are older than memory", () => {
  test("share a reading of the log where they are close together", async () => {
    const { durables, self } = started(100_000);
    for (let count = 0; count < 100; count++) self.subscribe("t", after(1000 + count));
    await turn();
    expect(self.running.map(({ start }) => start)).toEqual([1000]);
    durables.close();
  });

  test("and just behind memory wait for no reading of older parts, however many there are", async () => {
    const { durables, self } = started(100_000);
    for (let count = 0; count < 100; count++) {
      self.subscribe("t", after(1000 + 600 * count));
      await turn();
      self.subscribe("t", "first");
      await turn();
    }
    const before = self.running.length;
    expect(before).toBeLessThanOrEqual(8);
    self.subscribe("t", after(99_990));
    await turn();
    expect(self.running.slice(before).map(({ start }) => start)).toEqual([99_990]);
    durables.close();
  });

  test("nor for what is read for others that come in the same turn", async () => {
    const { durables, self } = started(100_000);
    self.subscribe("t", after(96_500));
    self.subscribe("t", after(99_990));
    self.subscribe("t", after(98_500));
    self.subscribe("t", after(50_000));
    await turn();
    expect(self.running.map(({ start }) => start)).toEqual([99_990, 98_500, 96_500, 50_000]);
    durables.close();
  });

  test("nor in a log of few large records, of which a few hundred take as long to read as thousands of small ones", async () => {
    const self = new DurablesByHand(100_000);
    const { durables } = self;
    durables.marked(1990);
    const body = pack([{ body: "x".repeat(16_400), topic: "t" }]);
    for (let offset = 1990; offset < 2000; offset++) {
      const envelope = { ...envelopeAt(offset, "t"), body, contentType: packedContentType };
      durables.logged(new LogRecord(offset, "wsmanager", envelope, () => contentsWith([])));
    }
    for (const reached of [1500, 900, 300]) {
      self.subscribe("t", "first");
      await turn();
      const { reader } = self.running.at(-1)!;
      for (let offset = 0; offset < reached; offset++)
        reader.record(offset, "wsmanager", envelopeAt(offset, "t"));
      await self.until(() => durables.counts.sweeping > 0);
      for (let turns = 0; turns < 50; turns++) await turn();
    }
    expect(self.running).toHaveLength(3);
    self.subscribe("t", after(1980));
    await turn();
    expect(self.running.map(({ start }) => start)).toEqual(["first", "first", "first", 1980]);
    durables.close();
  });

  test("become one reading where they are close together, and none is held up again before it has got on", async () => {
    const { durables, self } = started(100_000);
    const give = async (reading: DurablesByHand["readings"][number], from: number, to: number) => {
      for (let offset = from; offset < to; offset++)
        reading.reader.record(offset, "wsmanager", envelopeAt(offset, "t"));
      for (let turns = 0; turns < 50; turns++) await turn();
    };
    const begin = async (place: number) => {
      const { client } = self.subscribe("t", after(place));
      await turn();
      return { client, reading: self.running.at(-1)! };
    };
    const first = await begin(97_000);
    await give(first.reading, 97_000, 97_300);
    const second = await begin(97_100);
    expect(self.running).toHaveLength(2);
    await give(second.reading, 97_100, 97_101);
    expect(self.running).toEqual([second.reading]);
    expect(durables.counts.sweeping).toBe(2);

    const third = await begin(97_050);
    await give(third.reading, 97_050, 97_060);
    // The first one waits for 199 records, and has got on by none since.
    expect(self.running).toEqual([second.reading, third.reading]);
    await give(second.reading, 97_101, 97_498);
    await give(third.reading, 97_060, 97_100);
    expect(self.running).toHaveLength(2);
    await give(second.reading, 97_498, 97_499);
    await give(third.reading, 97_100, 97_102);
    expect(self.running).toEqual([third.reading]);
    await give(third.reading, 97_102, 97_500);
    for (const [{ client }, from] of [
      [first, 97_001],
      [second, 97_101],
      [third, 97_051],
    ] as const) {
      expect(client.texts).toEqual(numbers(from, 97_500));
      expect(client.gaps).toEqual([]);
    }
    durables.close();
  });

  /** Starts one that reads from far back, then one near to what is in memory, and gives the far one its records first. */
  async function farAndNear(isNearServed: boolean) {
    const { durables, self } = started(100_000);
    const far = self.subscribe("t", after(1000)).client;
    while (self.running.length < 1) await turn();
    const near = self.subscribe("t", after(99_990)).client;
    while (self.running.length < 2) await turn();
    const [farther, nearer] = self.running;
    for (let offset = 1001; offset < 1020; offset++)
      farther!.reader.record(offset, "wsmanager", envelopeAt(offset, "t"));
    if (isNearServed)
      for (let offset = 99_990; offset < 99_992; offset++)
        nearer!.reader.record(offset, "wsmanager", envelopeAt(offset, "t"));
    return { durables, self, far, near };
  }

  test("just before what is in memory get their first message before those that have far to go read on", async () => {
    // On a busy machine the short time in which others wait may be over before the records come.
    for (let tries = 0, isFirst = false; !isFirst; tries++) {
      expect(tries).toBeLessThan(20);
      const { durables, self, far, near } = await farAndNear(true);
      // What the far one has got when the near one gets its first message.
      const farGot: number[] = [];
      near.frames.push = (...frames) => {
        farGot.push(far.frames.length);
        return Array.prototype.push.apply(near.frames, frames);
      };
      while (farGot.length === 0) await turn();
      isFirst = farGot[0] === 0;
      await self.until(() => far.texts.length === 19);
      durables.close();
    }
  });

  test("that have far to go read on after a while, though one that is near gets nothing", async () => {
    const { durables, far } = await farAndNear(false);
    // Their pause ends by the clock, however many turns that is.
    await until(() => far.texts.length === 19, "they have read on");
    durables.close();
  });

  test("that come while another is on its way from behind them go with it, if it is near", async () => {
    const { durables, self } = started(100_000);
    self.subscribe("other", after(50_000));
    await turn();
    const [reading] = self.running;
    for (let offset = 50_000; offset < 50_010; offset++)
      reading!.reader.record(offset, "wsmanager", envelopeAt(offset, "t"));
    await turn();
    const { client } = self.subscribe("t", after(50_020));
    await turn();
    expect(self.running).toHaveLength(1);
    for (let offset = 50_010; offset < 50_030; offset++)
      reading!.reader.record(offset, "wsmanager", envelopeAt(offset, "t"));
    await self.until(() => client.texts.length === 9);
    expect(client.texts).toEqual(numbers(50_021, 50_030));
    durables.close();
  });
});
