import { withoutPassword } from "../redact.ts";
import { type DrainEnd, drain, type Patience } from "./drain.ts";
import { Fleet } from "./fleet.ts";
import { Inbox } from "./inbox.ts";
import { Pacer } from "./pacer.ts";
import type { Plan } from "./plan.ts";
import { type Output, Progress } from "./progress.ts";
import { Reconnects } from "./reconnects.ts";
import { describeDeliveries, describeReconnects, describeReturns, type Result } from "./result.ts";
import { Returns } from "./returns.ts";

/** The wait between the last handshake and the first message, so that the server has put every client on its topic. */
const settleMs = 200;

/** Counters at one moment, to tell by subtraction what happened in between. */
interface Snapshot {
  readonly nanos: number;
  readonly sent: number;
  readonly relayed: number;
  readonly processed: number;
  readonly receipts: number;
}

/** How a run went: the counters at its start, after the warm-up and when sending ended, and what came of the rest. */
interface Course {
  readonly start: Snapshot;
  readonly warm: Snapshot;
  readonly end: Snapshot;
  readonly drained: DrainEnd;
  readonly cpuSeconds: number;
}

/** One run of the bench: connect, send, drain, report. */
export class Run {
  readonly #plan: Plan;
  readonly #awaitsAnswers: boolean;
  readonly #patience: Patience | undefined;
  /** How many messages each publisher has sent. The pacer counts here, the inbox looks at it. */
  readonly #sent: Uint32Array;
  readonly #inbox: Inbox;
  readonly #fleet: Fleet;
  readonly #pacer: Pacer;
  readonly #reconnects: Reconnects;
  readonly #returns = new Returns(() => this.#sentInAll);

  /**
   * @param awaitsAnswers whether there may be a processor, whose first answer is worth a wait
   * @param patience for what is still missing after the last message was sent
   */
  constructor(plan: Plan, awaitsAnswers = true, patience?: Patience) {
    this.#plan = plan;
    this.#patience = patience;
    this.#awaitsAnswers = awaitsAnswers;
    this.#sent = new Uint32Array(plan.publishers);
    const inbox = new Inbox(plan, this.#sent);
    const arrived = () => {
      const nowNanos = Bun.nanoseconds();
      inbox.arrive(nowNanos);
      pacer.keepPace(nowNanos);
    };
    this.#inbox = inbox;
    this.#fleet = new Fleet(plan, inbox, this.#returns, arrived);
    const pacer = new Pacer(plan, this.#fleet.publishers, this.#sent);
    this.#pacer = pacer;
    this.#reconnects = new Reconnects(plan, this.#fleet);
  }

  /** Throws a `FatalError` if there is no one to connect to. */
  async measure(progress: Output, signal: AbortSignal): Promise<Result> {
    try {
      await this.#fleet.open(signal);
      await Bun.sleep(settleMs);
      return await this.#load(progress, signal);
    } finally {
      this.#returns.close();
      this.#fleet.finish();
    }
  }

  async #load(output: Output, signal: AbortSignal): Promise<Result> {
    const plan = this.#plan;
    const progress = new Progress(plan, this.#inbox, () => this.#sentInAll, output);
    const cpuBefore = process.cpuUsage();
    const start = this.#snapshot();
    this.#inbox.start(start.nanos);
    let warm: Snapshot | undefined;
    const warmup = setTimeout(() => {
      warm = this.#snapshot();
    }, plan.warmupMs);
    this.#reconnects.start();
    await this.#pacer.run(start.nanos, () => this.#fleet.isAllClosed, signal);
    clearTimeout(warmup);
    const end = this.#snapshot();
    await this.#reconnects.stop();
    const drained = await drain(this, signal.aborted, this.#patience);
    progress.stop();
    const cpu = process.cpuUsage(cpuBefore);
    return this.#report({
      start,
      warm: warm ?? end,
      end,
      drained,
      cpuSeconds: (cpu.user + cpu.system) / 1e6,
    });
  }

  /** Messages of every kind that arrived, for the drain. */
  get received(): number {
    return this.#inbox.received;
  }

  /** Whether all is there, for the drain. Not before a processor has answered, because it may just be slow. */
  get isComplete(): boolean {
    const { relayed, processed, receipts } = this.#inbox;
    const sent = this.#sentInAll;
    if (sent === 0) return true;
    if (receipts !== undefined && receipts.delivered < sent) return false;
    if (relayed.delivered < this.#relayedExpected) return false;
    if (processed === undefined) return !this.#awaitsAnswers;
    return processed.delivered >= this.#processedExpected;
  }

  get #sentInAll(): number {
    let sum = 0;
    for (const sent of this.#sent) sum += sent;
    return sum;
  }

  /** Every client that was connected gets a message, but perhaps for its publisher. A client that was closed since has lost the rest. */
  get #relayedExpected(): number {
    if (this.#plan.areAlone) return 0;
    const deaf = this.#plan.publishersHearThemselves ? 0 : 1;
    return this.#sentInAll * Math.max(0, this.#fleet.connected - deaf);
  }

  /** An answer goes to its publisher too, and only to it if publishers are alone. */
  get #processedExpected(): number {
    return this.#sentInAll * (this.#plan.areAlone ? 1 : this.#fleet.connected);
  }

  #snapshot(): Snapshot {
    const { relayed, processed, receipts } = this.#inbox;
    return {
      nanos: Bun.nanoseconds(),
      sent: this.#sentInAll,
      relayed: relayed.delivered,
      processed: processed?.delivered ?? 0,
      receipts: receipts?.delivered ?? 0,
    };
  }

  #report({ start, warm, end, drained, cpuSeconds }: Course): Result {
    const plan = this.#plan;
    const { relayed, processed, receipts, foreign } = this.#inbox;
    const { connected, failed, closed, reasons } = this.#fleet;
    const sendingMs = millisBetween(start, end);
    const measuredMs = millisBetween(warm, end);
    return {
      config: {
        url: plan.urls.map(({ href }) => withoutPassword(href)).join(", "),
        protocol: plan.stomp === undefined ? "text" : "stomp",
        durable: plan.stomp?.isDurable ?? false,
        clients: plan.clients,
        publishers: plan.publishers,
        ratePerSecond: plan.ratePerSecond,
        sizeBytes: plan.sizeBytes,
        durationMs: plan.durationMs,
        warmupMs: plan.warmupMs,
      },
      due: sendingMs > 0 ? plan.dueAfter(sendingMs * 1000) : 0,
      sent: end.sent,
      sentPerSecond: perSecond(end.sent, sendingMs),
      measuredMs: Math.round(measuredMs),
      endedEarly: sendingMs < plan.totalMs,
      relayed: describeDeliveries(
        relayed,
        this.#relayedExpected,
        perSecond(end.relayed - warm.relayed, measuredMs),
      ),
      processed: processed
        ? describeDeliveries(
            processed,
            this.#processedExpected,
            perSecond(end.processed - warm.processed, measuredMs),
          )
        : null,
      receipts: receipts
        ? describeDeliveries(receipts, end.sent, perSecond(end.receipts - warm.receipts, measuredMs))
        : null,
      reconnects: plan.reconnectEveryMs === undefined ? null : describeReconnects(this.#reconnects),
      returns: plan.stays ? describeReturns(this.#returns) : null,
      foreign,
      clients: { connected, failed, closed },
      reasons: [...reasons].map(([reason, count]) => ({ reason, count })).sort((a, b) => b.count - a.count),
      drained,
      isExact: [relayed, processed, receipts].every((tally) => tally?.isExact ?? true),
      cpuSeconds,
    };
  }
}

function millisBetween(from: Snapshot, to: Snapshot): number {
  return (to.nanos - from.nanos) / 1e6;
}

function perSecond(many: number, millis: number): number {
  return millis > 0 ? Math.round(many / (millis / 1000)) : 0;
}
