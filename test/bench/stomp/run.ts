import { Connection } from "../../../src/bench/connection.ts";
import { drain } from "../../../src/bench/drain.ts";
import { makeFrame, opcodes } from "../../../src/bench/frames.ts";
import { Handshake } from "../../../src/bench/handshake.ts";
import { Pacer } from "../../../src/bench/pacer.ts";
import { describeDeliveries, type Result } from "../../../src/bench/result.ts";
import { TextSpeaker } from "../../../src/bench/speaker.ts";
import { until } from "../../support/wait.ts";
import { StompInbox } from "./inbox.ts";
import type { StompPlan } from "./plan.ts";

/** Each connection makes RabbitMQ start processes and declare a queue. */
const openingMax = 64;

/**
 * The generator's run with STOMP around it: the same connections, pace, account and latencies, so that the figures
 * compare. Every connection subscribes to /topic/bench, and the publishers send there.
 */
export class StompRun {
  readonly #plan: StompPlan;
  readonly #sent: Uint32Array;
  readonly #inbox: StompInbox;
  readonly #connections: readonly Connection[];
  readonly #pacer: Pacer;
  readonly #reasons = new Map<string, number>();
  #closed = 0;

  constructor(plan: StompPlan) {
    this.#plan = plan;
    this.#sent = new Uint32Array(plan.publishers);
    const inbox = new StompInbox(plan, this.#sent);
    const audience = {
      arrived() {
        const nowNanos = Bun.nanoseconds();
        inbox.arrive(nowNanos);
        pacer.keepPace(nowNanos);
      },
      foreign: () => {
        inbox.foreign++;
      },
      closed: (reason: string) => {
        this.#closed++;
        this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1);
      },
    };
    const handshake = new Handshake(plan.url);
    this.#connections = Array.from(
      { length: plan.connections },
      (_, index) => new Connection(handshake, new TextSpeaker(index, inbox), audience),
    );
    const pacer = new Pacer(plan, this.#connections.slice(0, plan.publishers), this.#sent);
    this.#inbox = inbox;
    this.#pacer = pacer;
  }

  /** Throws if not all connections are subscribed within a time, since there is nothing to compare then. */
  async measure(vhost: string): Promise<Result> {
    await this.#subscribe(vhost);
    const { warmupMs } = this.#plan;
    const cpuBefore = process.cpuUsage();
    const startNanos = Bun.nanoseconds();
    this.#inbox.start(startNanos);
    let warmDelivered = 0;
    setTimeout(() => {
      warmDelivered = this.#inbox.relayed.delivered;
    }, warmupMs);
    await this.#pacer.run(startNanos, () => this.#closed > 0, new AbortController().signal);
    const sendingMs = (Bun.nanoseconds() - startNanos) / 1e6;
    const delivered = this.#inbox.relayed.delivered - warmDelivered;
    const drained = await drain(this, false);
    const cpu = process.cpuUsage(cpuBefore);
    for (const connection of this.#connections) connection.finish();
    return this.#report(sendingMs, delivered, drained, (cpu.user + cpu.system) / 1e6);
  }

  get received(): number {
    return this.#inbox.received;
  }

  get isComplete(): boolean {
    return this.#inbox.relayed.delivered >= this.#expected;
  }

  get #sentInAll(): number {
    return this.#sent.reduce((sum, sent) => sum + sent, 0);
  }

  /** As with plain text, although the publisher gets its own message too. */
  get #expected(): number {
    return this.#sentInAll * (this.#connections.length - 1);
  }

  async #subscribe(vhost: string): Promise<void> {
    const { hostname, port } = this.#plan.url;
    const waiting = this.#connections.values();
    const hello = [
      `CONNECT\naccept-version:1.2\nhost:${vhost}\nlogin:guest\npasscode:guest\nheart-beat:0,0\n\n\0`,
      "SUBSCRIBE\nid:0\ndestination:/topic/bench\nreceipt:0\n\n\0",
    ].map((frame) => makeFrame(opcodes.text, new TextEncoder().encode(frame)));
    const openInTurn = async () => {
      for (const connection of waiting) {
        await connection.open(hostname, Number(port));
        for (const frame of hello) connection.send(frame, 0, frame.length);
      }
    };
    await Promise.all(Array.from({ length: openingMax }, openInTurn));
    const all = this.#connections.length;
    await until(
      () => this.#inbox.receiptCount >= all || this.#closed > 0,
      `all ${all} clients are subscribed`,
      30_000,
    );
    if (this.#closed > 0) throw new Error(`clients were closed: ${[...this.#reasons.keys()]}`);
  }

  #report(sendingMs: number, delivered: number, drained: Result["drained"], cpuSeconds: number): Result {
    const plan = this.#plan;
    const { relayed, foreign } = this.#inbox;
    const sent = this.#sentInAll;
    const measuredMs = sendingMs - plan.warmupMs;
    return {
      config: {
        url: plan.url.href,
        protocol: "stomp",
        durable: false,
        clients: plan.clients,
        publishers: plan.publishers,
        ratePerSecond: plan.ratePerSecond,
        sizeBytes: plan.layout.sizeBytes,
        durationMs: plan.durationMs,
        warmupMs: plan.warmupMs,
      },
      due: plan.dueAfter(sendingMs * 1000),
      sent,
      sentPerSecond: Math.round((sent / sendingMs) * 1000),
      measuredMs: Math.round(measuredMs),
      endedEarly: sendingMs < plan.totalMs,
      relayed: describeDeliveries(relayed, this.#expected, Math.round((delivered / measuredMs) * 1000)),
      processed: null,
      receipts: null,
      reconnects: null,
      foreign,
      clients: { connected: this.#connections.length, failed: 0, closed: this.#closed },
      reasons: [...this.#reasons].map(([reason, count]) => ({ reason, count })),
      drained,
      isExact: relayed.isExact,
      cpuSeconds,
    };
  }
}
