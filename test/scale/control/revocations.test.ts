import { expect, test } from "bun:test";
import { Revocations, revocationsMax } from "../../../src/control/revocations.ts";

function revocationsAt(nowMs: number) {
  const clock = { nowMs };
  const revocations = new Revocations(() => clock.nowMs);
  const revoked: string[] = [];
  revocations.onRevoked = ({ client, before }) => void revoked.push(`${client} ${before}`);
  const take = (record: unknown) =>
    revocations.take(Buffer.from(typeof record === "string" ? record : JSON.stringify(record)));
  return { clock, revocations, revoked, take };
}

test("no more are kept than may be, and those that are over make room", () => {
  const { clock, revocations, take } = revocationsAt(0);
  for (let n = 0; n <= revocationsMax; n++) take({ client: `c${n}`, before: 1, until: n === 5 ? 10 : 1000 });
  expect(revocations.size).toBe(revocationsMax);
  expect(revocations.isFull).toBe(true);
  clock.nowMs = 10;
  expect(revocations.isFull).toBe(false);
});
