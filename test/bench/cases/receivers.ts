import { load } from "../load.ts";
import { inFewRounds, seriesOf } from "../rounds.ts";
import type { Case, Setting } from "../setting.ts";
import { type Contender, type System, withSystem } from "../systems/contender.ts";
import { alone, defaults, raw } from "../systems/contenders.ts";
import { cpuSeconds } from "../systems/usage.ts";
import { faultOf } from "../verdict.ts";

/** The numbers of receivers, and the messages a second: few enough that each message gets its own turn of the event loop. */
const rate = 10;
const few = 10;
const many = 10_000;
/** For few alone: so many that all the code is compiled, and that a delivery is not lost among what a process does by itself. */
const denseRate = 1000;
const denseText = `${denseRate.toLocaleString("en-US")} messages/s`;

const warmupMs = 4000;

/** Counted from a second after the start of sending. */
const countedMs = 8000;
const sendingMs = 8700;

/**
 * What a delivery costs when many clients hear a message, against when few do: the same messages, one at a time, so that every
 * delivery is a write of its own at both ends.
 *
 * The rate is the same for both, too. (At one number of deliveries a second, messages to few would come so densely that those of
 * a turn share writes, which those to many never do: then writes are compared and not receivers. And where few get a thousand
 * messages a second one by one, processor caches are warm, which they never are for ten thousand: caches are compared then.)
 *
 * What a message costs itself would pass for the cost of its deliveries where they are few, and flatter the ratio. So the same
 * messages are sent with nobody to hear them, too, and that is taken off; and for few, Warren has no RabbitMQ to connect to,
 * since publishing a message costs more than ten deliveries, and varies more. To many, the message's share is too small to
 * matter: there it is left in, with RabbitMQ. The second table takes nothing off.
 *
 * The third says what a delivery to few costs beside a bare Bun.serve, which a hundred deliveries a second cannot tell: at ten messages
 * a second, what a process does by itself varies by more.
 */
export const receivers: Case = {
  name: "receivers",
  what: "CPU time of a delivery, from 10 to 10,000 receivers",
  isQuick: false,
  async run(setting) {
    const deliveries = await inFewRounds(
      setting,
      "receivers",
      new Map([
        [`${raw.name} to 10`, () => withoutMessages(setting, raw, rate)],
        [`${raw.name} to 10,000`, () => withMessages(setting, raw, many)],
        [`${defaults.name} to 10`, () => withoutMessages(setting, alone, rate)],
        [`${defaults.name} to 10,000`, () => withMessages(setting, defaults, many)],
        [`${defaults.name} to 10, confirmed`, () => withMessages(setting, defaults, few)],
        [`${raw.name} to 10, ${denseText}`, () => withoutMessages(setting, raw, denseRate)],
        [`${defaults.name} to 10, ${denseText}`, () => withoutMessages(setting, alone, denseRate)],
      ]),
    );
    const all = seriesOf(deliveries, "µs a delivery");
    const series = all.slice(0, -2);
    return [
      {
        name: "receivers",
        title: "CPU time of a delivery that is a write of its own",
        unit: "µs",
        series: series.slice(0, -1),
      },
      {
        name: "receivers-all",
        title: "The same with what its message costs, publishing to RabbitMQ included",
        unit: "µs",
        series: series.slice(-2).toReversed(),
      },
      {
        name: "receivers-few",
        title: "CPU time of a delivery to one of 10 clients",
        unit: "µs",
        series: all.slice(-2),
      },
    ];
  },
};

async function withoutMessages(setting: Setting, contender: Contender, perSecond: number) {
  return await withSystem(setting.broker, contender, {}, async (system) => {
    // Compilers would else work beside the first of both, and what they take would pass for the cost of its deliveries.
    await load(system, { clients: few, publishers: 1, rate: denseRate, durationMs: warmupMs });
    const heard = await cores(system, few, perSecond);
    const unheard = await cores(system, 0, perSecond);
    return { "µs a delivery": ((heard - unheard) * 1e6) / (few * perSecond) };
  });
}

async function withMessages(setting: Setting, contender: Contender, clients: number) {
  return await withSystem(setting.broker, contender, {}, async (system) => {
    return { "µs a delivery": ((await cores(system, clients, rate)) * 1e6) / (clients * rate) };
  });
}

/** CPU seconds a second of the server under this load. */
async function cores(system: System, clients: number, perSecond: number): Promise<number> {
  const pid = system.pid!;
  const counted = Promise.withResolvers<number>();
  const onSending = () => {
    const before = { cpu: cpuSeconds(pid), ms: performance.now() };
    setTimeout(() => {
      counted.resolve((cpuSeconds(pid) - before.cpu) / ((performance.now() - before.ms) / 1000));
    }, countedMs);
  };
  const options = { clients, publishers: 1, rate: perSecond, durationMs: sendingMs };
  const result = await load(system, options, onSending);
  const fault = await faultOf(system, result, { of: "relayed", p99MsMax: Number.POSITIVE_INFINITY });
  if (fault !== undefined) throw new Error(fault);
  // If half of the messages are late by the time between two of them, messages shared a turn and a write.
  const { p50Us } = result.relayed;
  if (p50Us !== null && p50Us > 1e6 / perSecond)
    throw new Error("the machine is too busy: messages shared writes");
  return await counted.promise;
}
