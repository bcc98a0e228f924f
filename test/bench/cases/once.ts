import { load } from "../load.ts";
import { inFewRounds, seriesOf } from "../rounds.ts";
import type { Case, Setting } from "../setting.ts";
import { runDriver } from "../systems/driver.ts";
import { type Managed, startManagers } from "../systems/managers.ts";
import { cpuSeconds } from "../systems/usage.ts";

/** The total of two managers. */
const clients = 200;
const rate = 2000;
const countedMs = 3000;
const sendingMs = 4500;

/** In microseconds a message, and in bytes. */
interface Costs {
  readonly fromClients: number;
  readonly fromProcessors: number;
  readonly keyed: number;
  readonly learning: number;
  readonly fewBytes: number;
  readonly fullBytes: number;
}

/** What "exactly once" costs: dropping repeats of all messages, and idempotency keys of those that have one. */
export const once: Case = {
  name: "once",
  what: "the dropping of repeats and idempotency keys: share of a manager's CPU, and memory",
  isQuick: false,
  async run(setting) {
    const turns = await inFewRounds(setting, "once", new Map([["warren", () => turn(setting)]]));
    const of = (figure: string, contender = figure) => ({ ...seriesOf(turns, figure)[0]!, contender });
    return [
      {
        name: "once",
        title: `Share of the CPU of two managers that relay and follow ${rate.toLocaleString("en-US")} messages/s and their answers, to ${clients} clients`,
        unit: "%",
        series: [of("repeats %", "dropping of repeats"), of("keys %", "idempotency keys")],
      },
      {
        name: "once-memory",
        title: "Memory of one follower's dropping of repeats",
        unit: "KB",
        series: [of("few KB", "repeats, after 100 messages"), of("full KB", "repeats, full")],
      },
    ];
  },
};

async function turn(setting: Setting) {
  const manager = await microsOfManagers(setting);
  const costs = await runDriver<Costs>("once.ts", []);
  // Both managers get each message and its answer from the log. One of them accepted the message, and the other learns its key.
  const dropping = 2 * (costs.fromClients + costs.fromProcessors);
  const keys = costs.keyed + costs.learning;
  return {
    "manager µs": manager,
    "repeats %": (100 * dropping) / manager,
    "keys %": (100 * keys) / manager,
    "few KB": costs.fewBytes / 1000,
    "full KB": costs.fullBytes / 1000,
  };
}

/** CPU time of both managers for a message, its answer, and all deliveries of both. In microseconds. */
async function microsOfManagers({ broker }: Setting): Promise<number> {
  const managers = await startManagers(broker, 2, { withProcessor: true });
  try {
    const [first] = managers.each as [Managed];
    const url = managers.each.map((each) => each.wsUrl("/ws?topic=bench")).join(",");
    const system = {
      url,
      pid: first.pid,
      speaks: [],
      hasProcessor: true,
      unconfirmed: () => Promise.resolve(undefined),
      stop: () => managers.stop(),
    };
    const used = () => managers.each.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0);
    const counted = Promise.withResolvers<number>();
    const onSending = () => {
      const before = { seconds: used(), ms: performance.now() };
      setTimeout(() => {
        const messages = ((performance.now() - before.ms) / 1000) * rate;
        counted.resolve(((used() - before.seconds) * 1e6) / messages);
      }, countedMs);
    };
    const options = { clients, publishers: 4, rate, durationMs: sendingMs };
    const { relayed, processed } = await load(system, options, onSending);
    if (relayed.lost + (processed?.lost ?? 1) > 0) throw new Error("messages were lost");
    return await counted.promise;
  } finally {
    await managers.stop();
  }
}
