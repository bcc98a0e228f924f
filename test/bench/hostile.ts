import { parseArgs } from "node:util";
import { executable } from "../support/executable.ts";
import { readFlags } from "../support/flags.ts";
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

const hostileCases = [busy, crowd, connections, neverReading, greedy, disk];
const names = hostileCases.map(({ name }) => name).join(", ");
const help = `bun test/bench/hostile.ts: what hostile clients cost the honest ones, as ratios of runs side by side. Only against managers of
its own on the loopback address. Linux; needs RabbitMQ installed.

  --quick      once, and coarse
  --rounds N   how often everything is measured (3)
  --only NAME  one of ${names}
  --kind KIND  of that one's attackers, those of this kind
`;

const { cases, ...values } = readFlags(help, () => {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      rounds: { type: "string", default: "3" },
      only: { type: "string" },
      kind: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const cases = hostileCases.filter(({ name }) => values.only === undefined || values.only === name);
  if (cases.length === 0) throw new Error(`--only is one of ${names}`);
  return { ...values, cases };
});

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
