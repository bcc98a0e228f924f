import { Revocations } from "../../../src/control/revocations.ts";

/** Revocations with a clock that the test moves, what they told, and a way to hand them a record as the log has it. */
export function revocationsAt(nowMs: number) {
  const clock = { nowMs };
  const revocations = new Revocations(() => clock.nowMs);
  const revoked: string[] = [];
  revocations.onRevoked = ({ client, before }) => void revoked.push(`${client} ${before}`);
  const take = (record: unknown) =>
    revocations.take(Buffer.from(typeof record === "string" ? record : JSON.stringify(record)));
  return { clock, revocations, revoked, take };
}
