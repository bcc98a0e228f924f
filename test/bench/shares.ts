/**
 * Which processes a round trip costs how much: `bun test/bench/shares.ts [--naive RATE] [--warren RATE] [--beside RATE] [--without-copies RATE]`,
 * each as often as wanted. CPU time of RabbitMQ, manager, processor, another program that listens, and clients, in microseconds for a
 * message and its answer, on a machine on which nothing else of these runs. Without arguments at about the highest rates that docs/decisions.md names. WARREN_TEST_RABBITMQ chooses RabbitMQ.
 */
import { readdirSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { askers } from "./cases/askers.ts";
import { load } from "./load.ts";
import { BenchBroker } from "./systems/broker.ts";
import { withSystem } from "./systems/contender.ts";
import { besideOthers, defaults, naive, withoutCopies } from "./systems/contenders.ts";
import { cpuSeconds } from "./systems/usage.ts";

const contenders = { naive, warren: defaults, beside: besideOthers, "without-copies": withoutCopies };
const usualRates = {
  naive: ["690"],
  warren: ["12000"],
  beside: ["2300", "4000"],
  "without-copies": ["12000"],
};
const warmupMs = 4000;
const sendingMs = 4500;
const countedMs = 3000;

/** What tells the processes from others, in their command lines. */
const parts = {
  RabbitMQ: /beam\.smp/,
  manager: /--role manager|-bridge\.ts/,
  processor: /--role processor|-processor\.ts/,
  "another program": /listener\.ts/,
  clients: /generator\.ts/,
};
type Part = keyof typeof parts;

/** The CPU time of each part so far, in seconds. */
function cpuOfParts(): Map<Part, number> {
  const seconds = new Map<Part, number>();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ");
      const part = (Object.keys(parts) as Part[]).find((each) => parts[each].test(command));
      if (part !== undefined) seconds.set(part, (seconds.get(part) ?? 0) + cpuSeconds(Number(pid)));
    } catch {
      // It has ended since.
    }
  }
  return seconds;
}

const option = { type: "string", multiple: true } as const;
const { values } = parseArgs({
  options: { naive: option, warren: option, beside: option, "without-copies": option },
});
const isUsual = Object.keys(values).length === 0;
await using broker = await BenchBroker.start();
for (const [name, rates] of Object.entries(isUsual ? usualRates : values)) {
  const contender = contenders[name as keyof typeof contenders];
  for (const rate of rates.map(Number)) {
    await withSystem(broker, contender, { withProcessor: true }, async (system) => {
      await load(system, { ...askers, rate: Math.ceil(rate / 2), durationMs: warmupMs });
      const counted = Promise.withResolvers<string[]>();
      const { processed } = await load(system, { ...askers, rate, durationMs: sendingMs }, () => {
        const [before, beganMs] = [cpuOfParts(), performance.now()];
        setTimeout(() => {
          const messages = (rate * (performance.now() - beganMs)) / 1000;
          const shares = [...cpuOfParts()].map(
            ([part, seconds]) =>
              `${part} ${(((seconds - (before.get(part) ?? 0)) * 1e6) / messages).toFixed(0)} µs`,
          );
          counted.resolve(shares);
        }, countedMs);
      });
      const p99Ms = ((processed?.p99Us ?? Number.NaN) / 1000).toFixed(1);
      process.stdout.write(
        `${contender.name}, ${rate}/s, p99 ${p99Ms} ms: ${(await counted.promise).join(", ")}\n`,
      );
    });
  }
}
process.exit();
