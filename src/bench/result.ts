import type { DrainEnd } from "./drain.ts";
import type { Tally } from "./tally.ts";

/** Deliveries of one kind. Latencies are in microseconds from when a message was due, and null if none was measured. */
export interface Deliveries {
  readonly expected: number;
  /** Different ones: surplus copies are not in it. */
  readonly delivered: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
  /** Deliveries that arrived within the measured time, by the second. */
  readonly perSecond: number;
  readonly p50Us: number | null;
  readonly p99Us: number | null;
  readonly p999Us: number | null;
  readonly maxUs: number | null;
}

/** What `--json` prints. Keys are only ever added. */
export interface Result {
  readonly config: {
    readonly url: string;
    readonly clients: number;
    readonly publishers: number;
    readonly ratePerSecond: number;
    readonly sizeBytes: number;
    readonly durationMs: number;
    readonly warmupMs: number;
  };
  /** Messages that were due until the run ended, and those of them that were sent. */
  readonly due: number;
  readonly sent: number;
  /** Messages sent a second, warm-up included. Clearly less than `config.ratePerSecond`: the pace was not kept. */
  readonly sentPerSecond: number;
  /** How long was measured: about `config.durationMs`, unless the run ended early. */
  readonly measuredMs: number;
  /** Whether the run ended early, because it was interrupted or nobody was connected any more. */
  readonly endedEarly: boolean;
  readonly relayed: Deliveries;
  /** Null if no processor answered. */
  readonly processed: Deliveries | null;
  /** Messages that are none of this run's. */
  readonly foreign: number;
  readonly clients: { readonly connected: number; readonly failed: number; readonly closed: number };
  /** Why connections failed or were closed, the most frequent reason first. */
  readonly reasons: readonly { readonly reason: string; readonly count: number }[];
  readonly drained: DrainEnd;
  /** False if so many messages were lost that reordered and duplicated are only estimated. */
  readonly isExact: boolean;
  /** Processor time that the bench itself used, sending and draining. One second a second is one core. */
  readonly cpuSeconds: number;
}

/** Puts a tally into words of the result. */
export function describeDeliveries(tally: Tally, expected: number, perSecond: number): Deliveries {
  const { latency } = tally;
  const quantile = (q: number) => (latency.total === 0 ? null : latency.quantileMicros(q));
  return {
    expected,
    delivered: tally.delivered,
    lost: expected - tally.delivered,
    duplicated: tally.duplicated,
    reordered: tally.reordered,
    perSecond,
    p50Us: quantile(0.5),
    p99Us: quantile(0.99),
    p999Us: quantile(0.999),
    maxUs: latency.total === 0 ? null : latency.maxMicros,
  };
}

export function isAnythingLost({ relayed, processed }: Result): boolean {
  return relayed.lost > 0 || (processed?.lost ?? 0) > 0;
}

/** 1 if anything was lost, or any connection failed or was closed by the other side; else 0. */
export function exitCodeOf(result: Result): number {
  return isAnythingLost(result) || result.clients.failed > 0 || result.clients.closed > 0 ? 1 : 0;
}
