import { describe, expect, test } from "bun:test";
import { KnownGroups } from "../../../../../src/broker/rabbitmq/groups/known-groups.ts";
import { bodyOf, recordIn } from "../../../../../src/broker/rabbitmq/topology/group-ledger.ts";

const minute = 60_000;
const hour = 60 * minute;
/** Milliseconds since 1970. */
const now = 1_795_467_696_000;

const depth = (consumers: number, messages = 0) => ({ queue: "wsmanager.billing", consumers, messages });
const record = (
  seenMs: number,
  parts: { readonly writtenMs?: number; readonly isRemoved?: boolean } = {},
) => ({
  group: "billing",
  seenMs,
  isRemoved: false,
  writtenMs: seenMs,
  ...parts,
});

describe("a group that the ledger names", () => {
  test("is abandoned a quarter of an hour after a processor of it was last seen, if its queue is there", () => {
    const groups = new KnownGroups();
    groups.take(record(now), now);
    expect(groups.abandoned(now + hour)).toEqual([]);
    groups.looked("billing", depth(0, 7), now + 14 * minute);
    expect(groups.abandoned(now + 14 * minute)).toEqual([]);
    groups.looked("billing", depth(0, 8), now + 15 * minute);
    expect(groups.abandoned(now + 15 * minute)).toEqual([{ group: "billing", messages: 8, seenMs: now }]);
  });

  test("is not abandoned while it has a consumer, however old the record is", () => {
    const groups = new KnownGroups();
    groups.take(record(now), now);
    groups.looked("billing", depth(1, 5), now + 20 * hour);
    expect(groups.abandoned(now + 20 * hour)).toEqual([]);
    // From there on the time begins anew.
    groups.looked("billing", depth(0, 5), now + 20 * hour + minute);
    expect(groups.abandoned(now + 20 * hour + minute)).toEqual([]);
  });

  test("is not abandoned while a processor of it is heard that has lost its queue", () => {
    const groups = new KnownGroups();
    groups.take(record(now), now);
    groups.heard("billing", now + hour);
    groups.looked("billing", depth(0), now + hour);
    expect(groups.abandoned(now + hour)).toEqual([]);
  });

  test("is forgotten when its queue has gone, and when it was removed", () => {
    const groups = new KnownGroups();
    groups.take(record(now), now);
    groups.looked("billing", undefined, now);
    expect(groups.names).toEqual([]);
    groups.take(record(now), now);
    groups.take(record(now, { isRemoved: true }), now);
    expect(groups.names).toEqual([]);
    groups.take(record(now + minute), now + minute);
    expect(groups.names).toEqual(["billing"]);
  });

  test("is not taken for live by a clock that is ahead", () => {
    const groups = new KnownGroups();
    groups.take(record(now + 10 * hour), now);
    groups.looked("billing", depth(0), now + 15 * minute);
    expect(groups.abandoned(now + 15 * minute)).toHaveLength(1);
  });
});

describe("a manager writes a group down", () => {
  const due = (groups: KnownGroups, atMs: number) => groups.due(atMs).map(({ seenMs }) => seenMs);

  test("that it heard and that no record names", () => {
    const groups = new KnownGroups();
    groups.heard("billing", now);
    expect(due(groups, now)).toEqual([]);
    groups.looked("billing", depth(1), now);
    expect(due(groups, now)).toEqual([now]);
    expect(due(groups, now)).toEqual([]);
  });

  test("every ten minutes as long as it has processors", () => {
    const groups = new KnownGroups();
    groups.take(record(now), now);
    const written: number[] = [];
    for (let minutes = 1; minutes <= 60; minutes++) {
      groups.looked("billing", depth(2), now + minutes * minute);
      written.push(...due(groups, now + minutes * minute).map((seenMs) => (seenMs - now) / minute));
    }
    expect(written).toEqual([10, 20, 30, 40, 50, 60]);
  });

  test("twice a day with the time when it was last seen, so that the ledger does not lose it", () => {
    const groups = new KnownGroups();
    groups.take(record(now), now);
    const written: number[] = [];
    for (let hours = 1; hours <= 48; hours++) {
      groups.looked("billing", depth(0), now + hours * hour);
      written.push(...due(groups, now + hours * hour));
    }
    expect(written).toEqual([now, now, now, now]);
  });

  test("not where another manager has just done so", () => {
    const groups = new KnownGroups();
    groups.take(record(now), now);
    groups.looked("billing", depth(2), now + 11 * minute);
    groups.take(record(now + 10 * minute), now + 11 * minute);
    expect(due(groups, now + 11 * minute)).toEqual([]);
  });
});

test("a program that names groups without end does not fill the memory", () => {
  const groups = new KnownGroups();
  for (let number = 0; number < 5000; number++) {
    groups.take({ ...record(now), group: `g${number}` }, now);
    groups.heard(`h${number}`, now);
  }
  expect(groups.names).toHaveLength(1000);
});

describe("a record of the ledger", () => {
  test.each([record(now), record(now, { isRemoved: true })])("is read as it was written", (written) => {
    expect(recordIn(Buffer.from(bodyOf(written)))).toEqual(written);
  });

  test.each([
    "",
    "null",
    "7",
    "{",
    '{"group":"billing","seen":"yesterday","at":1}',
    '{"group":"billing","seen":1}',
    '{"group":"billing","seen":1e300,"at":1}',
    '{"group":"log","seen":1,"at":1}',
    '{"group":"a b","seen":1,"at":1}',
    '{"group":["billing"],"seen":1,"at":1}',
  ])("that is none is passed over: %s", (body) => {
    expect(recordIn(Buffer.from(body))).toBeUndefined();
  });
});
