import type { Deliveries, Result } from "../../src/bench/result.ts";
import type { System } from "./systems/contender.ts";

/** The conditions under which a probe counts. */
export interface Limit {
  /** The deliveries that are judged. */
  readonly of: "relayed" | "processed" | "receipts";
  /** Their p99 stays below this. Infinity: latencies are not judged. */
  readonly p99MsMax: number;
}

/** The generator may be late with this share of what it should have sent. */
const unsentShareMax = 0.01;

/** After the last delivery, the broker may take so long to confirm what is left: more would be a backlog. */
export const confirmMsMax = 1000;

/**
 * Why a result does not count; undefined if it does. It does not count if messages were lost, repeated, reordered or not confirmed, if
 * clients were closed, or if the pace was not kept, whatever the latency.
 */
export async function faultOf(system: System, result: Result, limit: Limit): Promise<string | undefined> {
  const fault = faultOfResult(result, limit);
  if (fault !== undefined) return fault;
  const deadline = performance.now() + confirmMsMax;
  for (;;) {
    const unconfirmed = await system.unconfirmed();
    if (!unconfirmed) return undefined;
    if (performance.now() > deadline) return `${unconfirmed} messages not confirmed`;
    await Bun.sleep(20);
  }
}

export function faultOfResult(result: Result, { of, p99MsMax }: Limit): string | undefined {
  const { clients, due, sent, relayed, processed, receipts } = result;
  const reason = result.reasons[0]?.reason ?? "";
  if (clients.failed > 0) return `${clients.failed} clients did not connect: ${reason}`;
  if (clients.closed > 0) return `${clients.closed} clients were closed: ${reason}`;
  const judged = result[of];
  if (judged === null) return of === "receipts" ? "no receipts" : "no answers";
  for (const [kind, deliveries] of Object.entries({ relayed, processed, receipts })) {
    const fault = deliveries === null ? undefined : damageOf(deliveries);
    if (fault !== undefined) return `${kind}: ${fault}`;
  }
  if (due - sent > Math.max(1, due * unsentShareMax)) return `sent ${sent} of ${due} messages in time`;
  if (p99MsMax === Number.POSITIVE_INFINITY) return undefined;
  const p99Ms = judged.p99Us === null ? Number.POSITIVE_INFINITY : judged.p99Us / 1000;
  return p99Ms < p99MsMax ? undefined : `p99 of ${p99Ms} ms`;
}

export function damageOf({ lost, duplicated, reordered }: Deliveries): string | undefined {
  if (lost + duplicated + reordered === 0) return undefined;
  return `${lost} lost, ${duplicated} repeated, ${reordered} out of order`;
}
