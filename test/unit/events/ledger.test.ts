import { describe, expect, test } from "bun:test";
import { type EventRecord, type EventsLink, eventKeys } from "../../../src/broker/events.ts";
import type { Entry } from "../../../src/events/event.ts";
import { Ledger } from "../../../src/events/ledger.ts";
import { sourcesIn } from "../../../src/events/sources.ts";

const source = "wsmanager.events.manager-a.1";
const other = "wsmanager.events.manager-b.1";

const record = (key: string, said: object, from = source): EventRecord => ({
  source: from,
  key,
  body: Buffer.from(JSON.stringify(said)),
});
const connected = (n: number) => record(eventKeys.connected, { connection: `a-${n}`, client: `c${n}` });
const disconnected = (n: number, from = source) =>
  record(eventKeys.disconnected, { connection: `a-${n}`, client: `c${n}` }, from);
const snapshot = (part: number, parts: number, numbers: readonly number[], at = 1000) => {
  const entries = numbers.map((n): Entry => [`a-${n}`, `c${n}`]);
  return record(eventKeys.snapshot, { manager: "manager-a", at, part, parts, entries });
};

function openBy(records: readonly EventRecord[]) {
  const ledger = new Ledger((name) => name === source);
  for (const each of records) ledger.take(each);
  return { open: [...ledger.openOf(source).keys()].sort(), isWhole: ledger.isWhole(source) };
}

describe("The log of events says who is connected", () => {
  test("by those that came, without those that went, whoever told of that", () => {
    const records = [connected(1), connected(2), connected(3), disconnected(1), disconnected(3, other)];
    expect(openBy(records)).toEqual({ open: ["a-2"], isWhole: false });
  });

  test("from a snapshot on: what was known before is over", () => {
    const records = [connected(1), snapshot(0, 2, [2]), snapshot(1, 2, [3]), connected(4)];
    expect(openBy(records)).toEqual({ open: ["a-2", "a-3", "a-4"], isWhole: true });
  });

  test("also where the manager died in the middle of a snapshot: then what was known before it counts", () => {
    const whole = [snapshot(0, 1, [1, 2, 3]), connected(4)];
    expect(openBy([...whole, snapshot(0, 3, [1, 2]), disconnected(2)])).toEqual({
      open: ["a-1", "a-3", "a-4"],
      isWhole: true,
    });
  });

  test("but not by a snapshot whose beginning was not read, nor by one that did not end", () => {
    expect(openBy([snapshot(1, 2, [3])]).isWhole).toBe(false);
    expect(openBy([snapshot(0, 2, [3])]).isWhole).toBe(false);
  });

  test("by the records of those that came and went while no program listened", () => {
    const batch = (opened: readonly number[], closed: readonly number[], from = source) => {
      const clients = opened.map((n) => (n === 4 ? null : `c${n}`));
      return record(eventKeys.clients, { manager: "a", opened, clients, closed }, from);
    };
    const records = [
      ...[connected(1), batch([2, 3, 4], [1]), disconnected(2), batch([], [3]), batch([9], [], other)],
    ];
    expect(openBy(records)).toEqual({ open: ["a-4"], isWhole: false });
    const nonsense = [
      { manager: "a", opened: [5, {}, null], clients: [{}], closed: [{}, "x"] },
      { manager: "a", opened: "a", clients: 1, closed: {} },
      { manager: {}, opened: [7], clients: ["c7"], closed: [4] },
    ].map((said) => record(eventKeys.clients, said));
    expect(openBy([...records, ...nonsense]).open).toEqual(["a-4"]);
  });

  test("whatever else a program puts into it", () => {
    const made = [
      { ...connected(8), body: Buffer.from("no JSON") },
      { ...connected(8), body: Buffer.from("null") },
      record(eventKeys.connected, { connection: 8, client: {} }),
      record(eventKeys.disconnected, { connection: ["a-1"] }),
      record(eventKeys.snapshot, { part: 1, parts: "x", entries: [5, null, [1, 2], ["a-2", "c2"]] }),
      record(eventKeys.snapshot, { part: 0, parts: 1, entries: "a-1" }),
      record(eventKeys.ended, { ended: { source } }),
      record("manager.unheard-of", { connection: "a-9", client: "c9" }),
    ];
    expect(openBy([connected(1), ...made]).open).toEqual(["a-1", "a-2"]);
  });

  test("and a source that is at its end has nobody", () => {
    expect(openBy([connected(1), record(eventKeys.ended, { ended: source }, other)])).toEqual({
      open: [],
      isWhole: true,
    });
  });
});

test("a manager that starts alone finds the sources that are not at their end, and when their oldest last snapshot was taken", async () => {
  const next = "wsmanager.events.manager-a.2";
  const records = [
    snapshot(0, 1, [1], 1000),
    snapshot(0, 2, [1], 2000),
    snapshot(1, 2, [2], 2000),
    { ...snapshot(0, 1, [3], 3000), source: next },
    { ...connected(5), source: other },
    { ...connected(6), source: "wsmanager.events.manager-c.1" },
    record(eventKeys.ended, { ended: "wsmanager.events.manager-c.1" }),
    record(eventKeys.connected, { connection: "x", client: "x" }, "published-by-hand"),
  ];
  const link = {
    read: (_from: "first" | number, _until: string, visit: (each: EventRecord) => void) => {
      for (const each of records) visit(each);
      return Promise.resolve();
    },
  } as unknown as EventsLink;
  expect(await sourcesIn(link, "mark")).toEqual([
    ["manager-a", [source, next], 2000],
    ["manager-b", [other], 0],
  ]);
});
