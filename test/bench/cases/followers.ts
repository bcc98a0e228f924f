import { load } from "../load.ts";
import { inFewRounds, seriesOf } from "../rounds.ts";
import type { Case, Setting } from "../setting.ts";
import { type Managed, startManagers, unconfirmedOf } from "../systems/managers.ts";
import { cpuSeconds, groupCpuSeconds } from "../systems/usage.ts";
import { faultOf } from "../verdict.ts";

const rates = [4000, 20_000] as const;
/** The numbers of managers. All clients are connected to the first manager. */
const counts = [1, 2, 5] as const;
const most = counts.at(-1)!;
/** Few clients get the messages, so that deliveries do not fill the machine. */
const publishers = 2;

/** A warm-up, since a manager runs for days: its code is compiled by then, and it coalesces its reads. */
const warmupMs = 8000;
/** Counted from a second after the start of sending. */
const countedMs = 3000;
const sendingMs = 4500;

/**
 * What a manager costs whose clients want nothing of what the clients of another one send: RabbitMQ, which writes all of it to the manager,
 * and the manager itself. The same load with one manager, two and five; what RabbitMQ takes more is shared among those that are more.
 */
export const followers: Case = {
  name: "followers",
  what: "CPU time of a message for each further manager whose clients want none of it",
  isQuick: false,
  async run(setting) {
    const turns = await inFewRounds(
      setting,
      "followers",
      new Map(rates.map((rate) => [nameOf(rate), () => turn(setting, rate)])),
    );
    const sent = `${publishers} clients send, and nobody else listens`;
    const measure = (name: string, title: string, figures: readonly string[]) => ({
      name,
      title,
      unit: "µs a message",
      series: figures.flatMap((figure) =>
        seriesOf(turns, figure).map((one) => ({ ...one, contender: `${figure} ${one.contender}` })),
      ),
    });
    return [
      measure("followers-manager", `CPU time of a manager that wants nothing: ${sent}`, [
        `of ${most} managers`,
      ]),
      measure("followers-rabbitmq", `RabbitMQ's CPU time for each further manager: ${sent}`, [
        `with ${most} managers`,
      ]),
      measure(
        "followers-all",
        `RabbitMQ's CPU time for everything: ${sent}`,
        counts.map((count) => `${count} in all`),
      ),
    ];
  },
};

function nameOf(rate: number): string {
  return `at ${rate.toLocaleString("en-US")}/s`;
}

async function turn(setting: Setting, rate: number) {
  const figures: Record<string, number> = {};
  const rabbitmqUs = new Map<number, number>();
  for (const count of counts) {
    const { rabbitmq, idle } = await cost(setting, rate, count);
    rabbitmqUs.set(count, rabbitmq);
    figures[`${count} in all`] = rabbitmq;
    if (idle !== undefined) figures[`of ${count} managers`] = idle;
    figures[`with ${count} managers`] = (rabbitmq - rabbitmqUs.get(1)!) / (count - 1 || 1);
  }
  return figures;
}

/** In microseconds a message. The manager's value is the mean of all managers without clients. */
async function cost({ broker }: Setting, rate: number, count: number) {
  const managers = await startManagers(broker, count);
  try {
    const [first, ...others] = managers.each as [Managed, ...Managed[]];
    const system = {
      url: first.wsUrl(),
      pid: first.pid,
      speaks: [],
      hasProcessor: false,
      unconfirmed: () => unconfirmedOf(new URL("/metrics", first.url).href),
      stop: () => managers.stop(),
    };
    const used = () => ({
      rabbitmq: groupCpuSeconds(broker.node.pid),
      idle: others.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0),
      ms: performance.now(),
    });
    await load(system, { clients: 0, publishers, rate, durationMs: warmupMs });
    await broker.calm();
    const counted = Promise.withResolvers<{ rabbitmq: number; idle: number | undefined }>();
    const onSending = () => {
      const before = used();
      setTimeout(() => {
        const after = used();
        const messages = ((after.ms - before.ms) / 1000) * rate;
        const us = (seconds: number) => (seconds * 1e6) / messages;
        counted.resolve({
          rabbitmq: us(after.rabbitmq - before.rabbitmq),
          idle: others.length === 0 ? undefined : us((after.idle - before.idle) / others.length),
        });
      }, countedMs);
    };
    const result = await load(system, { clients: 0, publishers, rate, durationMs: sendingMs }, onSending);
    const fault = await faultOf(system, result, { of: "relayed", p99MsMax: Number.POSITIVE_INFINITY });
    if (fault !== undefined) throw new Error(`${count} managers: ${fault}`);
    return await counted.promise;
  } finally {
    await managers.stop();
  }
}
