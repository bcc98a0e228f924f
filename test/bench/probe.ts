import { type LoadOptions, load } from "./load.ts";
import type { Setting } from "./setting.ts";
import type { System } from "./systems/contender.ts";
import { cpuSeconds } from "./systems/usage.ts";
import { faultOf, type Limit } from "./verdict.ts";

/** The result of one load on a system. */
export interface Shown {
  readonly fault: string | undefined;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

/** Loads a system once, judges the result, and records it. */
export async function probe(
  setting: Setting,
  names: { readonly measure: string; readonly contender: string },
  system: System,
  options: LoadOptions,
  limit: Limit,
): Promise<Shown> {
  const { pid } = system;
  // CPU time counts from the second second on, since thousands of handshakes come before.
  let before: { cpu: number; ms: number } | undefined;
  let sampled: number | undefined;
  const onSending = () => {
    if (pid === undefined) return;
    before = { cpu: cpuSeconds(pid), ms: performance.now() };
    setTimeout(() => {
      sampled = (cpuSeconds(pid) - before!.cpu) / ((performance.now() - before!.ms) / 1000);
    }, options.durationMs - 1000);
  };
  const result = await load(system, options, options.durationMs >= 2000 ? onSending : undefined);
  const fault = await faultOf(system, result, limit);
  const { p50Us, p99Us } = result[limit.of] ?? { p50Us: null, p99Us: null };
  const { warmupMs, durationMs } = result.config;
  setting.probes.push({
    ...names,
    rate: options.rate,
    fault: fault ?? null,
    p50Ms: p50Us === null ? null : p50Us / 1000,
    p99Ms: p99Us === null ? null : p99Us / 1000,
    serverCores: sampled ?? null,
    generatorCores: result.cpuSeconds / ((warmupMs + durationMs) / 1000),
  });
  return {
    fault,
    p50Ms: p50Us === null ? undefined : p50Us / 1000,
    p99Ms: p99Us === null ? undefined : p99Us / 1000,
  };
}
