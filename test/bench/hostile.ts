/**
 * `bun test/bench/hostile.ts [--quick] [--rounds N] [--only NAME [--kind KIND]]`: what hostile clients cost the honest ones, as ratios of
 * runs side by side. Only against managers of its own on the loopback address. Linux; needs RabbitMQ installed.
 */
import { parseArgs } from "node:util";
import { executable } from "../support/executable.ts";
import { busy } from "./hostile/cases/busy.ts";
import { connections } from "./hostile/cases/connections.ts";
import { crowd } from "./hostile/cases/crowd.ts";
import { disk } from "./hostile/cases/disk.ts";
import { greedy } from "./hostile/cases/greedy.ts";
import { neverReading } from "./hostile/cases/never-reading.ts";
import { goalTable, measureTable } from "./report/tables.ts";
import type { Setting } from "./setting.ts";
import { endIfSilent } from "./silence.ts";
import { BenchBroker } from "./systems/broker.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string", default: "3" },
    only: { type: "string" },
    kind: { type: "string" },
  },
});
const hostileCases = [busy, crowd, connections, neverReading, greedy, disk];
const cases = hostileCases.filter(({ name }) => values.only === undefined || values.only === name);
if (cases.length === 0)
  throw new Error(`--only is one of ${hostileCases.map(({ name }) => name).join(", ")}`);

using silence = endIfSilent();
await executable();
await using broker = await BenchBroker.start();
const setting: Setting = {
  broker,
  rounds: values.quick ? 1 : Number(values.rounds),
  isQuick: values.quick,
  kind: values.kind,
  probes: [],
  measures: [],
  say: (line) => {
    silence.broken(line);
    process.stderr.write(`${line}\n`);
  },
};
const outcomes = [];
for (const one of cases) outcomes.push(await one.run(setting));
const tables = outcomes.flatMap(({ measures }) => measures.map(measureTable));
process.stdout.write(`${tables.join("\n")}\n${goalTable(outcomes.flatMap(({ goals }) => goals))}`);
