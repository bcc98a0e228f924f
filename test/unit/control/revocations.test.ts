import { expect, test } from "bun:test";
import { revocationsAt } from "../doubles/revocations-at.ts";

test("tokens that were issued before are refused until the time is over, and those of others are not", () => {
  const { clock, revocations, take } = revocationsAt(1000);
  take({ client: "anna", before: 1000, until: 5000 });
  expect(revocations.objectionTo("anna", 999)).toContain("revoked");
  expect(revocations.objectionTo("anna", undefined)).toContain("(iat)");
  expect(revocations.objectionTo("anna", 1000)).toBeUndefined();
  expect(revocations.objectionTo("ben", 0)).toBeUndefined();
  clock.nowMs = 5000;
  expect(revocations.objectionTo("anna", 999)).toBeUndefined();
  expect(revocations.size).toBe(0);
});

test("a later revocation adds to an earlier one, in whatever order they are read", () => {
  for (const order of [
    [0, 1],
    [1, 0],
  ]) {
    const { revocations, revoked, take } = revocationsAt(1000);
    const records = [
      { client: "anna", before: 1000, until: 9000 },
      { client: "anna", before: 2000, until: 5000 },
    ];
    for (const index of order) take(records[index]);
    expect(revocations.objectionTo("anna", 1999)).toContain("revoked");
    // What is read again, or is covered already, ends no connection.
    const count = revoked.length;
    for (const record of records) take(record);
    expect(revoked).toHaveLength(count);
  }
});

test("what is no record, or is over, is passed over", () => {
  const { revocations, take } = revocationsAt(1000);
  for (const record of [
    "{",
    "7",
    "null",
    { client: 7, before: 1, until: 2000 },
    { client: "x".repeat(256), before: 1, until: 2000 },
    { client: "anna", before: "1", until: 2000 },
    { client: "anna", before: 1, until: null },
    { client: "anna", before: 900, until: 1000 },
  ])
    take(record);
  expect(revocations.size).toBe(0);
});
