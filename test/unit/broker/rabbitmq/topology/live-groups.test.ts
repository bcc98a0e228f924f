import { beforeEach, describe, expect, test } from "bun:test";
import { markContentType } from "../../../../../src/broker/broker.ts";
import { groupMarks } from "../../../../../src/broker/rabbitmq/topology/group-marks.ts";
import { LiveGroups } from "../../../../../src/broker/rabbitmq/topology/live-groups.ts";
import type { Envelope } from "../../../../../src/envelope/envelope.ts";
import { envelopeOf } from "../../../doubles/envelope.ts";

/** Seconds since 1970. */
const now = 1_795_467_696;

function says(group: string, appId: string, parts: Partial<Envelope> = {}) {
  const mark = { contentType: markContentType, messageId: groupMarks.here, timestamp: now };
  return envelopeOf({ ...mark, routingKey: group, appId, ...parts });
}

/** The groups of which was said that their queue is gone. */
const gone: string[] = [];
beforeEach(() => {
  gone.length = 0;
});

const removed = { messageId: groupMarks.removed } as const;

function heard(...marks: ReturnType<typeof says>[]): LiveGroups {
  const groups = new LiveGroups((group) => gone.push(group));
  groups.opened();
  groups.shown(0);
  for (const mark of marks) groups.take(mark, now);
  return groups;
}

/** Something comes by the log each second, of others. */
function goesOn(groups: LiveGroups, fromMs: number, untilMs: number): void {
  for (let nowMs = fromMs; nowMs <= untilMs; nowMs += 1000) groups.shown(nowMs);
}

describe("a processor group", () => {
  test("is live while a processor of it is heard", () => {
    const groups = heard(says("orders", "p1"));
    goesOn(groups, 0, 30_000);
    expect(groups.live()).toEqual(["orders"]);
    groups.take(says("orders", "p1"), now);
    goesOn(groups, 30_000, 60_000);
    expect(groups.live()).toEqual(["orders"]);
    groups.shown(60_001);
    expect(groups.live()).toEqual([]);
    expect(groups.abandoned).toEqual(["orders"]);
  });

  test("is live for as long after its last processor has left as after one that fell silent", () => {
    // Processors of earlier versions say that they leave.
    const groups = heard(says("orders", "p1"), says("orders", "p1", { messageId: "group-leaving" }));
    goesOn(groups, 0, 30_000);
    expect(groups.live()).toEqual(["orders"]);
    groups.shown(30_001);
    expect(groups.live()).toEqual([]);
  });

  test("is not live once it is said to be removed, however late that is read, until a processor of it is heard again", () => {
    const groups = heard(says("orders", "p1"), says("orders", "p2"), says("bills", "p1"));
    groups.take(says("orders", "groups", { ...removed, timestamp: now - 121 }), now);
    expect(groups.live()).toEqual(["bills"]);
    expect(groups.abandoned).toEqual(["orders"]);
    groups.take(says("orders", "p2"), now);
    expect(groups.live()).toEqual(["orders", "bills"]);
  });

  test("does not die of a log that nobody could read", () => {
    const groups = heard(says("orders", "p1"));
    goesOn(groups, 0, 20_000);
    groups.opened();
    goesOn(groups, 3_600_000, 3_620_000);
    expect(groups.live()).toEqual(["orders"]);
    goesOn(groups, 3_620_000, 3_630_001);
    expect(groups.live()).toEqual([]);
  });

  test("does not die while nobody can write into the log, nor of what a process has yet to read that stood still", () => {
    const groups = heard(says("orders", "p1"));
    // A memory alarm, and a record of somebody else's before the group's own.
    groups.shown(600_000);
    expect(groups.live()).toEqual(["orders"]);
    groups.take(says("orders", "p1"), now);
    goesOn(groups, 600_000, 630_000);
    expect(groups.live()).toEqual(["orders"]);
  });

  test("that was named while a manager was away is not taken for live", () => {
    expect(heard(says("orders", "p1", { timestamp: now - 120 })).live()).toEqual(["orders"]);
    expect(heard(says("orders", "p1", { timestamp: now - 121 })).live()).toEqual([]);
  });

  test("is told of when its processor has lost its queue, if it is known and that was just now", () => {
    const lost = { messageId: groupMarks.gone };
    const groups = heard(says("orders", "p1"), says("unknown", "p1", lost));
    groups.take(says("orders", "p1", { ...lost, timestamp: now - 121 }), now);
    expect(gone).toEqual([]);
    groups.take(says("orders", "p1", lost), now);
    expect(gone).toEqual(["orders"]);
    expect(groups.live()).toEqual(["orders"]);
  });

  test("is forgotten when its queue was removed", () => {
    const groups = heard(says("orders", "p1"), says("orders", "groups", removed));
    groups.removed("orders");
    expect(groups.abandoned).toEqual([]);
  });
});

test("marks of other kinds, and invalid names, are no groups", () => {
  const groups = heard(
    envelopeOf({ contentType: markContentType }),
    says("orders", "p", { contentType: "text/plain" }),
    says("orders", "p", { messageId: "mark-1" }),
    says("orders", "p", { appId: undefined }),
    says("", "p"),
    says("log", "p"),
    says("dead", "p"),
    says("no group", "p"),
    says("x".repeat(201), "p"),
  );
  expect(groups.live()).toEqual([]);
});

test("as many groups and processors are kept in mind as a system may have, not as a stranger names", () => {
  const groups = heard();
  for (let index = 0; index < 1000; index++) groups.take(says(`g${index}`, "p"), now);
  expect(groups.live()).toHaveLength(200);
});
