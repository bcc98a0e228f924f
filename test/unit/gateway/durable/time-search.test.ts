import { afterEach, expect, spyOn, test } from "bun:test";
import {
  type ForeignExchange,
  type LogReader,
  type LogStart,
  markContentType,
} from "../../../../src/broker/broker.ts";
import { contentsWith, seal } from "../../../../src/envelope/envelope.ts";
import { Slices } from "../../../../src/gateway/clients/slices.ts";
import { type Found, TimeSearch } from "../../../../src/gateway/durable/time-search.ts";
import { LogRecord } from "../../../../src/log/record.ts";
import { LogWindow } from "../../../../src/log/window.ts";
import { nothingRepeated } from "../../doubles/nothing-repeated.ts";
import { turn } from "../../doubles/turn.ts";

/** A log that knows when it got each record, as RabbitMQ does, and begins to read there. */
class TimedLog {
  readonly records: { readonly offset: number; readonly got: number; readonly published?: number }[] = [];
  readonly window = new LogWindow(1e9);
  readings = 0;
  readonly #open = new Set<() => void>();
  search = new TimeSearch(
    { read: this.read.bind(this), mark: () => this.#mark(), recordBytesMax: 1, ...nothingRepeated() },
    this.window,
    new Slices(),
  );

  /** One for each second, from this offset on. */
  fill(from: number, count: number, gotFrom: number, published?: (index: number) => number): void {
    for (let index = 0; index < count; index++)
      this.records.push({
        offset: from + index,
        got: gotFrom + index,
        ...(published && { published: published(index) }),
      });
    this.window.reached(from + count - 1);
  }

  read(start: LogStart, reader: LogReader) {
    this.readings++;
    let isOver = false;
    const tell = () => {
      const found = this.records.find(({ got }) => typeof start !== "object" || got >= start.timestamp);
      if (isOver || found === undefined) return;
      const envelope = { ...seal({ body: "", topic: "" }, "id", "app", 0), timestamp: found.published };
      reader.record(found.offset, "wsmanager", envelope);
    };
    this.#open.add(tell);
    setImmediate(tell);
    const stop = () => {
      isOver = true;
      this.#open.delete(tell);
    };
    return { handled: () => undefined, stop };
  }

  get open(): number {
    return this.#open.size;
  }

  /** RabbitMQ shows what comes to those that wait for it, whatever time they asked for. */
  #mark(): () => void {
    const offset = (this.records.at(-1)?.offset ?? 0) + 1;
    this.records.push({ offset, got: Number.POSITIVE_INFINITY });
    setImmediate(() => {
      for (const tell of [...this.#open]) tell();
    });
    return () => undefined;
  }

  find(seconds: number): Promise<Found> {
    return new Promise((resolve) => {
      this.search.find(seconds, resolve);
    });
  }
}

let log: TimedLog | undefined;
afterEach(() => log?.search.close());

test("a time is where the log got its first record from then on, whatever its publisher says or does not", async () => {
  log = new TimedLog();
  log.fill(10, 100, 1000);
  expect(await log.find(1050)).toEqual({ offset: 60, isAfterGap: false });
  expect(await log.find(1001)).toEqual({ offset: 11, isAfterGap: false });
});

test("a start time before the log's oldest record is reported as a gap, unless that is the very first record", async () => {
  log = new TimedLog();
  log.fill(10, 100, 1000);
  expect(await log.find(900)).toEqual({ offset: 10, isAfterGap: true });
  log.search.close();
  log = new TimedLog();
  log.fill(0, 100, 1000);
  expect(await log.find(900)).toEqual({ offset: 0, isAfterGap: false });
});

test("a start time before which the oldest remaining record was published causes no gap", async () => {
  log = new TimedLog();
  log.fill(10, 100, 1000, () => 400);
  expect(await log.find(900)).toEqual({ offset: 10, isAfterGap: false });
});

test("a time in the future is the log's end, and is searched again when it has come", async () => {
  log = new TimedLog();
  log.fill(10, 100, 1000);
  expect(await log.find(5000)).toEqual({ offset: 110, isAfterGap: false });
  log.records.pop();
  log.fill(110, 10_000, 1100);
  expect(await log.find(5000)).toEqual({ offset: 4010, isAfterGap: false });
});

test("3,000 times take a few readings where the log has few answers", async () => {
  log = new TimedLog();
  log.fill(10, 2, 100_000);
  log.fill(12, 2, 200_000);
  // However slow the machine is, none of them loses its patience.
  const clock = spyOn(performance, "now").mockReturnValue(performance.now());
  const all = Array.from({ length: 3000 }, (_, index) => log!.find(99_000 + index * 30));
  const found = await Promise.all(all).finally(() => clock.mockRestore());
  expect(log.readings).toBeLessThan(120);
  for (const [index, where] of found.entries()) {
    const seconds = 99_000 + index * 30;
    const at = log.records.find(({ got }) => got >= seconds)!.offset;
    expect(where).toMatchObject({ offset: at });
  }
});

test("where the log begins later than a time, earlier ones are not asked for", async () => {
  log = new TimedLog();
  log.fill(10, 100, 1000);
  expect(await log.find(900)).toEqual({ offset: 10, isAfterGap: true });
  const { readings } = log;
  const found = await Promise.all(Array.from({ length: 500 }, (_, index) => log!.find(899 - index)));
  for (const each of found) expect(each).toEqual({ offset: 10, isAfterGap: true });
  // What is compared with the log's first record.
  expect(log.readings - readings).toBe(1);
  log.records.splice(0, 5);
  expect(await log.find(800)).toEqual({ offset: 15, isAfterGap: true });
  expect(await log.find(1001)).toEqual({ offset: 15, isAfterGap: true });
  expect(await log.find(1007)).toEqual({ offset: 17, isAfterGap: false });
});

test("a subscription that has waited for long begins too early rather than too late", async () => {
  log = new TimedLog();
  log.fill(10, 3000, 100_000);
  let slow = 0;
  const read = log.read.bind(log);
  log.search = new TimeSearch(
    {
      read: (start, reader) => {
        // Every reading but the first few takes its time.
        if (slow++ < 40) return read(start, reader);
        const timer = setTimeout(() => {
          const seconds = typeof start === "object" ? start.timestamp : 0;
          const record = log!.records.find(({ got }) => got >= seconds)!;
          const envelope = { ...seal({ body: "", topic: "" }, "id", "app", 0), contentType: markContentType };
          reader.record(record.offset, "wsmanager.log" as ForeignExchange, envelope);
        }, 50);
        return { handled: () => undefined, stop: () => clearTimeout(timer) };
      },
      mark: () => () => undefined,
      recordBytesMax: 1,
      ...nothingRepeated(),
    },
    log.window,
    new Slices(),
  );
  const startedMs = performance.now();
  const found = await Promise.all(Array.from({ length: 2000 }, (_, index) => log!.find(100_500 + index)));
  expect(performance.now() - startedMs).toBeLessThan(4000);
  for (const [index, where] of found.entries())
    expect((where as { offset: number }).offset).toBeLessThanOrEqual(510 + index);
});

test("one whose own time is being asked for waits for that answer, however long it takes, and not for all there is", async () => {
  log = new TimedLog();
  log.fill(10, 3000, 100_000);
  const read = log.read.bind(log);
  const late = Promise.withResolvers<void>();
  log.search = new TimeSearch(
    {
      read: (start, reader) => {
        const isSlow = typeof start === "object" && start.timestamp === 100_500;
        if (!isSlow) return read(start, reader);
        void late.promise.then(() => read(start, reader));
        return { handled: () => undefined, stop: () => undefined };
      },
      mark: () => () => undefined,
      recordBytesMax: 1,
      ...nothingRepeated(),
    },
    log.window,
    new Slices(),
  );
  const slow = log.find(100_500);
  await turn();
  // It has waited for longer than it has patience for all others.
  const clock = spyOn(performance, "now").mockReturnValue(performance.now() + 1100);
  try {
    expect(await log.find(100_600)).toEqual({ offset: 610, isAfterGap: false });
  } finally {
    clock.mockRestore();
  }
  late.resolve();
  expect(await slow).toEqual({ offset: 510, isAfterGap: false });
});

test("the earliest of those that wait is asked for first, since all others can begin there", async () => {
  log = new TimedLog();
  log.fill(10, 3000, 100_000);
  const starts: LogStart[] = [];
  const read = log.read.bind(log);
  const shared = {
    read: (start: LogStart, reader: LogReader) => {
      starts.push(start);
      return read(start, reader);
    },
    mark: () => () => undefined,
    recordBytesMax: 1,
    ...nothingRepeated(),
  };
  log.search = new TimeSearch(shared, log.window, new Slices());
  await Promise.all(Array.from({ length: 300 }, (_, index) => log!.find(100_500 + ((index * 7) % 300))));
  expect(starts[0]).toEqual({ timestamp: 100_500 });
});

test("what nobody waits for is not asked for", async () => {
  log = new TimedLog();
  log.fill(10, 100, 1000);
  const ask = () =>
    Array.from({ length: 50 }, (_, index) => log!.search.find(1000 + index, () => expect.unreachable()));
  for (const forget of ask()) forget();
  await turn();
  expect(log.readings).toBe(0);
  const searches = ask();
  await turn();
  expect(log.open).toBe(4);
  for (const forget of searches) forget();
  for (let turns = 0; turns < 10; turns++) await turn();
  expect(log.open).toBe(0);
  expect(log.readings).toBeLessThanOrEqual(8);
});

test("what was found out about another log is forgotten", async () => {
  log = new TimedLog();
  log.fill(10, 100, 1000);
  await log.find(1050);
  log.records.length = 0;
  log.window.clear();
  log.search.restart();
  const found = log.find(1050);
  await turn();
  expect(log.open).toBe(0);
  log.fill(0, 100, 1040);
  log.search.resume();
  expect(await found).toEqual({ offset: 10, isAfterGap: false });
});

test("the record's own time counts before when it came", () => {
  const window = new LogWindow(1e9);
  const now = Math.floor(Date.now() / 1000);
  for (const [offset, timestamp] of [
    [1, 100],
    [2, undefined],
    [3, 50],
    [4, 200],
  ] as const) {
    const envelope = { ...seal({ body: "x", topic: "" }, "id", "app", 0), timestamp };
    window.append(new LogRecord(offset, "wsmanager", envelope, () => contentsWith([])));
  }
  expect([60, 100, 150, now, now + 60].map((time) => window.sequenceOfTime(time))).toEqual([0, 0, 1, 1, 4]);
});

test("one answer that is that to thousands of them is told in slices, so that no turn of the event loop is long", async () => {
  log = new TimedLog();
  log.fill(10, 10, 100_000);
  const told: number[] = [];
  let turns = 0;
  const all = 50;
  const stop = log.search.find(50_000, () => told.push(-1));
  for (let index = 0; index < all; index++)
    log.search.find(50_000 + index, () => {
      told.push(index);
      const untilMs = performance.now() + 0.5;
      while (performance.now() < untilMs);
    });
  stop();
  let most = 0;
  for (; told.length < all; turns++) {
    const before = told.length;
    await turn();
    most = Math.max(most, told.length - before);
    expect(turns).toBeLessThan(10_000);
  }
  // Each takes half a millisecond, and a slice has two.
  expect(most).toBeLessThanOrEqual(6);
  expect(told.toSorted((one, other) => one - other)).toEqual(
    Array.from({ length: all }, (_, index) => index),
  );
});
