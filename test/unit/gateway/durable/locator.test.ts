import { describe, expect, test } from "bun:test";
import type { LogReader, LogReading, LogStart } from "../../../../src/broker/broker.ts";
import { contentsOf, seal } from "../../../../src/envelope/envelope.ts";
import { fingerprintOf } from "../../../../src/envelope/fingerprint.ts";
import type { ClientSocket } from "../../../../src/gateway/clients/client.ts";
import { Slices } from "../../../../src/gateway/clients/slices.ts";
import { Locator } from "../../../../src/gateway/durable/locator.ts";
import { Outflow, plainOutlet } from "../../../../src/gateway/durable/outflow.ts";
import { DurableSubscription } from "../../../../src/gateway/durable/subscription.ts";
import { stompEncoding } from "../../../../src/gateway/stomp/encoding.ts";
import { type Position, type Start, startAfter } from "../../../../src/log/position.ts";
import { LogRecord } from "../../../../src/log/record.ts";
import { LogWindow } from "../../../../src/log/window.ts";
import { until } from "../../../support/wait.ts";
import { envelopeOf } from "../../doubles/envelope.ts";
import { nothingRepeated } from "../../doubles/nothing-repeated.ts";
import { turn } from "../../doubles/turn.ts";

/** A log of which nothing is in memory, unless it is put there, and which answers when it is told to. */
function unanswered(windowBytes = 0) {
  const marks: ((offset: number) => void)[] = [];
  const readers: LogReader[] = [];
  const placed: DurableSubscription[] = [];
  const starts: LogStart[] = [];
  const window = new LogWindow(windowBytes);
  window.reached(1000);
  const reading: LogReading = { handled: () => undefined, stop: () => undefined };
  const place = (subscription: DurableSubscription) => void placed.push(subscription);
  const locator = new Locator(
    {
      mark: (then) => {
        const marked = (offset: number) => then(offset, `mark${offset}`);
        marks.push(marked);
        return () => void marks.splice(marks.indexOf(marked), 1);
      },
      read: (start, reader) => {
        readers.push(reader);
        starts.push(start);
        return { ...reading };
      },
      recordBytesMax: 1,
      ...nothingRepeated(),
    },
    window,
    new Slices(),
    { firstMs: 1, mostMs: 1 },
    { inMemory: place, older: place, newest: place, reached: (offset) => window.reached(offset) },
  );
  return { locator, marks, readers, placed, window, starts };
}

function subscriptionAt(start: Start): DurableSubscription {
  const socket = {} as ClientSocket;
  const request = {
    socket,
    clientId: "c",
    subscriptionId: "s",
    encoding: stompEncoding("1.2"),
    pattern: "t",
    start,
  } as const;
  return new DurableSubscription(
    { ...request, onSubscribed: () => undefined },
    new Outflow(socket, plainOutlet, () => undefined),
  );
}

test("however many subscriptions come and go before the log answers how far it reaches, it is asked for the last ones only", () => {
  const { locator, marks, placed } = unanswered();
  for (let index = 0; index < 1000; index++) {
    const subscription = subscriptionAt({ offset: 2000 + index, index: -1 });
    locator.locate(subscription);
    locator.forget(subscription);
  }
  const last = subscriptionAt({ offset: 5000, index: -1 });
  locator.locate(last);
  expect(marks).toHaveLength(1);
  marks[0]!(1002);
  expect(placed).toEqual([last]);
});

test("those that come while the log is asked are asked about anew, also when nobody of those before them is left", () => {
  const { locator, marks, placed } = unanswered();
  const [first, second] = [2000, 2001].map((offset) => subscriptionAt({ offset, index: -1 }));
  locator.locate(first!);
  locator.locate(second!);
  expect(marks).toHaveLength(1);
  const [tooEarly] = marks;
  locator.forget(first!);
  expect(marks).toHaveLength(1);
  tooEarly!(1001);
  expect(placed).toEqual([]);
  marks[0]!(1002);
  expect(placed).toEqual([second!]);
  locator.forget(second!);
  expect(marks).toHaveLength(1);
});

test("the log is not read for subscriptions that have ended", () => {
  const { locator, marks } = unanswered();
  const subscription = subscriptionAt({ offset: 2000, index: -1 });
  locator.locate(subscription);
  locator.forget(subscription);
  expect(marks).toHaveLength(0);
});

test("a time that nobody wants to know any more is not searched for", async () => {
  const { locator, readers, placed } = unanswered();
  for (let timestamp = 1; timestamp <= 1000; timestamp++) {
    const subscription = subscriptionAt({ timestamp });
    locator.locate(subscription);
    locator.forget(subscription);
  }
  await turn();
  expect(readers).toHaveLength(0);
  const last = subscriptionAt({ timestamp: 2000 });
  locator.locate(last);
  await turn();
  expect(readers).toHaveLength(1);
  readers[0]!.record(5, "wsmanager", { ...envelopeOf(), timestamp: 3000 });
  // The log's first record tells whether it reaches back so far.
  expect(placed).toEqual([]);
  expect(readers).toHaveLength(2);
  readers[1]!.record(0, "wsmanager", { ...envelopeOf(), timestamp: 1000 });
  await turn();
  expect(placed).toEqual([last]);
  expect(last.isAfterGap).toBe(false);
  locator.close();
});

test("a time that was asked for before the log began anew leaves out nothing of the new one for its publisher's clock", async () => {
  const { locator, readers, placed, window } = unanswered();
  const subscription = subscriptionAt({ timestamp: 2000 });
  locator.locate(subscription);
  await turn();
  window.clear();
  locator.restart();
  window.reached(5);
  locator.retry();
  readers[1]!.record(3, "wsmanager", { ...envelopeOf(), timestamp: 3000 });
  readers[2]!.record(0, "wsmanager", { ...envelopeOf(), timestamp: 1000 });
  await turn();
  expect(placed).toEqual([subscription]);
  const old = new LogRecord(4, "wsmanager", { ...envelopeOf(), timestamp: 1000 }, (_, envelope) =>
    contentsOf(envelope, ""),
  );
  expect(subscription.isDue(old, 0)).toBe(true);
  locator.close();
});

describe("a place that its client can tell from that of another log", () => {
  /** What is at an offset of the log with this name. */
  const envelopeAt = (log: string, offset: number) =>
    seal({ body: log, topic: "t" }, `${log}-${offset}`, "app", offset);
  const recordAt = (log: string, offset: number) =>
    new LogRecord(offset, "wsmanager", envelopeAt(log, offset), (_, envelope) => contentsOf(envelope, ""));
  const after = (log: string, offset: number) => startAfter(recordAt(log, offset).endPosition)!;

  /** The log with this name, of which the records from 1001 to 1010 are in memory. */
  function following(log: string) {
    const all = unanswered(1_000_000);
    for (let offset = 1001; offset <= 1010; offset++) all.window.append(recordAt(log, offset));
    return all;
  }

  test("is found at once where it is in memory and the same", () => {
    const { locator, marks, placed } = following("old");
    const subscription = subscriptionAt(after("old", 1005));
    locator.locate(subscription);
    expect([marks.length, placed]).toEqual([0, [subscription]]);
    expect(subscription.isAfterGap).toBe(false);
  });

  test("is behind a gap where something else is there when all has come that is in the log", () => {
    const { locator, marks, placed } = following("new");
    const subscription = subscriptionAt(after("old", 1005));
    locator.locate(subscription);
    expect(placed).toEqual([]);
    marks[0]!(1011);
    expect([placed, subscription.place, subscription.isAfterGap]).toEqual([[subscription], "first", true]);
  });

  test("goes on without a gap when this manager learns only then of the new log, which its client has from another manager", () => {
    const { locator, marks, placed, window } = following("old");
    const subscriptions = [1004, 1005].map((offset) => subscriptionAt(after("new", offset)));
    for (const subscription of subscriptions) locator.locate(subscription);
    window.clear();
    locator.restart();
    expect(locator.takePlaced()).toEqual([]);
    for (let offset = 0; offset <= 1010; offset++) window.append(recordAt("new", offset));
    locator.retry();
    expect(placed).toEqual(subscriptions);
    marks[0]!(1011);
    expect(placed).toEqual(subscriptions);
    expect(subscriptions.map(({ isAfterGap }) => isAfterGap)).toEqual([false, false]);
  });

  test("is looked up in the log where nothing in memory is at it, once for all that ask for it", async () => {
    const { locator, readers, starts, placed, window } = following("old");
    window.append(recordAt("old", 1020));
    const same = fingerprintOf(envelopeAt("mark", 1015));
    const place = { offset: 1015, index: Number.POSITIVE_INFINITY };
    const subscriptions = [same, same, "other"].map((fingerprint) =>
      subscriptionAt({ ...place, fingerprint }),
    );
    for (const subscription of subscriptions) locator.locate(subscription);
    await turn();
    expect(starts).toEqual([1015]);
    readers[0]!.record(1010, "wsmanager", envelopeAt("old", 1010));
    expect(placed).toEqual([]);
    readers[0]!.record(1015, "wsmanager", envelopeAt("mark", 1015));
    expect(placed).toEqual(subscriptions);
    expect(subscriptions.map(({ isAfterGap }) => isAfterGap)).toEqual([false, false, true]);
    locator.close();
  });

  test("is of another log where the log has nothing at it", async () => {
    const { locator, readers, placed, window } = following("old");
    window.append(recordAt("old", 1020));
    const subscription = subscriptionAt({ offset: 1015, index: 0, fingerprint: "x" });
    locator.locate(subscription);
    await turn();
    readers[0]!.record(1020, "wsmanager", envelopeAt("old", 1020));
    expect([placed, subscription.place, subscription.isAfterGap]).toEqual([[subscription], "first", true]);
    locator.close();
  });

  test("is looked up again where the way to the log was lost, and not when its client has gone", async () => {
    const { locator, readers, placed, window } = following("old");
    window.append(recordAt("old", 1020));
    const place: Position = { offset: 1015, index: 0, fingerprint: fingerprintOf(envelopeAt("mark", 1015)) };
    const [stays, goes] = [subscriptionAt(place), subscriptionAt({ ...place, offset: 1016 })];
    locator.locate(stays);
    locator.locate(goes);
    await turn();
    expect(readers).toHaveLength(2);
    locator.forget(goes);
    readers[0]!.ended("lost");
    await until(() => readers.length === 3, "another reading");
    readers[2]!.record(1015, "wsmanager", envelopeAt("mark", 1015));
    expect([placed, locator.count]).toEqual([[stays], 0]);
    locator.close();
  });
});
