import type { DrainEnd } from "./drain.ts";
import type { Histogram } from "./histogram.ts";
import type { Reconnects } from "./reconnects.ts";
import type { Returns } from "./returns.ts";
import type { Tally } from "./tally.ts";

/** Deliveries of one kind. Latencies are in microseconds from when a message was due, and null if none was measured. */
export interface Deliveries {
  /** Messages times those that each is for. */
  readonly expected: number;
  /** Different ones: surplus copies are not in it. */
  readonly delivered: number;
  /** Those that never came. */
  readonly lost: number;
  /** Those that came once more. */
  readonly duplicated: number;
  /** Those that came after a later one of the same publisher. */
  readonly reordered: number;
  /** Deliveries that arrived within the measured time, by the second. */
  readonly perSecond: number;
  /** Latencies, in microseconds; null where none came. */
  readonly p50Us: number | null;
  /** The latency that one message in a hundred exceeds. */
  readonly p99Us: number | null;
  /** The latency that one message in a thousand exceeds. */
  readonly p999Us: number | null;
  /** The longest latency. */
  readonly maxUs: number | null;
}

/** Clients that were cut off and came back. Times are from the cut until the subscription was in force again. */
export interface Resumptions {
  /** Clients that came back and got what they had missed. */
  readonly resumed: number;
  /** Clients that did not. */
  readonly failed: number;
  /** How long that took, in microseconds; null where none did. */
  readonly p50Us: number | null;
  /** The time that one client in a hundred exceeded. */
  readonly p99Us: number | null;
  /** The longest time. */
  readonly maxUs: number | null;
}

/** What became of clients that come back by themselves. Times are from a connection's end until the client was back. */
export interface Absences {
  /** Clients that came back. */
  readonly returned: number;
  /** Clients that were away when the run ended. */
  readonly stillAway: number;
  /** Messages that were sent while a client was away, summed over all absences: live clients have lost these. */
  readonly missed: number;
  /** How long they were away, in microseconds; null where none was. */
  readonly p50Us: number | null;
  /** The time that one absence in a hundred exceeded. */
  readonly p99Us: number | null;
  /** The longest time. */
  readonly maxUs: number | null;
}

/** What `--json` prints. Keys are only ever added. */
export interface Result {
  /** What it was asked for. */
  readonly config: {
    readonly url: string;
    readonly protocol: "text" | "stomp";
    readonly durable: boolean;
    readonly clients: number;
    readonly publishers: number;
    readonly ratePerSecond: number;
    readonly sizeBytes: number;
    readonly durationMs: number;
    readonly warmupMs: number;
  };
  /** Messages that were due until the run ended, and those of them that were sent. */
  readonly due: number;
  /** Messages that publishers sent. */
  readonly sent: number;
  /** Messages sent a second, warm-up included. Clearly less than `config.ratePerSecond`: the pace was not kept. */
  readonly sentPerSecond: number;
  /** How long was measured: about `config.durationMs`, unless the run ended early. */
  readonly measuredMs: number;
  /** Whether the run ended early, because it was interrupted or nobody was connected any more. */
  readonly endedEarly: boolean;
  /** What came from other clients. */
  readonly relayed: Deliveries;
  /** Null if no processor answered. */
  readonly processed: Deliveries | null;
  /** Null if none were asked for. */
  readonly receipts: Deliveries | null;
  /** Null if nobody was cut off. */
  readonly reconnects: Resumptions | null;
  /** Null if clients do not come back. */
  readonly returns: Absences | null;
  /** Messages that are none of this run's. */
  readonly foreign: number;
  /** How connecting went, and how many connections ended before they should. */
  readonly clients: { readonly connected: number; readonly failed: number; readonly closed: number };
  /** Why connections failed or were closed, the most frequent reason first. */
  readonly reasons: readonly { readonly reason: string; readonly count: number }[];
  /** Why it stopped waiting for what was on its way. */
  readonly drained: DrainEnd;
  /** False if more messages were lost than can be told apart, so that reordered and duplicated are only estimated. */
  readonly isExact: boolean;
  /** Processor time that the bench itself used, sending and draining. One second a second is one core. */
  readonly cpuSeconds: number;
}

/** Puts a tally into words of the result. */
export function describeDeliveries(tally: Tally, expected: number, perSecond: number): Deliveries {
  return {
    expected,
    delivered: tally.delivered,
    lost: expected - tally.delivered,
    duplicated: tally.duplicated,
    reordered: tally.reordered,
    perSecond,
    p999Us: tally.latency.total === 0 ? null : tally.latency.quantileMicros(0.999),
    ...describeTimes(tally.latency),
  };
}

/** How connections that were cut off resumed. */
export function describeReconnects({ resumed, failed }: Reconnects): Resumptions {
  return { resumed: resumed.total, failed, ...describeTimes(resumed) };
}

/** How clients came back after their connections had ended. */
export function describeReturns({ away, awayCount, missed }: Returns): Absences {
  return { returned: away.total, stillAway: awayCount, missed, ...describeTimes(away) };
}

function describeTimes(times: Histogram) {
  if (times.total === 0) return { p50Us: null, p99Us: null, maxUs: null };
  return { p50Us: times.quantileMicros(0.5), p99Us: times.quantileMicros(0.99), maxUs: times.maxMicros };
}

/** Whether a message, an answer or a receipt did not come. */
export function isAnythingLost({ relayed, processed, receipts }: Result): boolean {
  return [relayed, processed, receipts].some((each) => (each?.lost ?? 0) > 0);
}

/**
 * 1 if anything was lost, or any connection failed, was closed by the other side or did not come back; else 0. What live
 * clients missed while they were away, and came back from, is no loss.
 */
export function exitCodeOf(result: Result): number {
  const { clients, reconnects, returns, config } = result;
  const areMissing = [clients.failed, clients.closed, reconnects?.failed, returns?.stillAway];
  if (areMissing.some((count) => (count ?? 0) > 0)) return 1;
  const mayHaveMissed = !config.durable && (returns?.returned ?? 0) > 0;
  return isAnythingLost(result) && !mayHaveMissed ? 1 : 0;
}
