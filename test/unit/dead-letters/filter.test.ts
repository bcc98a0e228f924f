import { describe, expect, test } from "bun:test";
import { type Filter, isNarrow, matches } from "../../../src/dead-letters/filter.ts";
import type { DeadLetter } from "../../../src/dead-letters/letter.ts";

const nowMs = 1_800_000_000_000;
const minuteMs = 60_000;
const any: Filter = {
  group: undefined,
  reason: undefined,
  ids: undefined,
  olderThanMs: undefined,
  newerThanMs: undefined,
};
const letter: DeadLetter = {
  id: "m-1",
  group: "billing",
  reason: "No such Order",
  attempts: 3,
  atMs: nowMs - 10 * minuteMs,
  sentAt: undefined,
  topic: "orders",
  client: undefined,
  contentType: undefined,
  headers: {},
  body: Buffer.alloc(0),
};
const fits = (filter: Partial<Filter>, of: DeadLetter = letter) => matches({ ...any, ...filter }, of, nowMs);

describe("a filter", () => {
  test("that asks for nothing leaves out nothing", () => {
    expect(fits({})).toBe(true);
    expect(isNarrow(any)).toBe(false);
    expect(isNarrow({ ...any, ids: ["m-1"] })).toBe(true);
  });

  test("by group takes that group alone", () => {
    expect([fits({ group: "billing" }), fits({ group: "bill" })]).toEqual([true, false]);
    expect(fits({ group: "billing" }, { ...letter, group: undefined })).toBe(false);
  });

  test("by reason takes a part of it, in any case", () => {
    expect([fits({ reason: "such order" }), fits({ reason: "timeout" })]).toEqual([true, false]);
  });

  test("by id takes each of several", () => {
    expect([fits({ ids: ["m-0", "m-1"] }), fits({ ids: ["m-0"] })]).toEqual([true, false]);
    expect(fits({ ids: ["undefined"] }, { ...letter, id: undefined })).toBe(false);
  });

  test("by age takes what died before, or since", () => {
    expect([fits({ olderThanMs: 9 * minuteMs }), fits({ olderThanMs: 11 * minuteMs })]).toEqual([
      true,
      false,
    ]);
    expect([fits({ newerThanMs: 9 * minuteMs }), fits({ newerThanMs: 11 * minuteMs })]).toEqual([
      false,
      true,
    ]);
  });

  test("by age takes what died nobody knows when", () => {
    expect(fits({ olderThanMs: minuteMs }, { ...letter, atMs: undefined })).toBe(true);
  });
});
