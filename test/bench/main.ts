/** `bun run bench`: measures Warren beside other systems. `--help` lists the cases and options. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { projectFolder } from "../../build/compile.ts";
import { figuresPath, recordedFigures } from "../../build/figures.ts";
import { executable } from "../support/executable.ts";
import { answer } from "./cases/answer.ts";
import { justBehind } from "./cases/behind.ts";
import { hotPaths } from "./cases/beside.ts";
import { connecting } from "./cases/connecting.ts";
import { cross } from "./cases/cross.ts";
import { events } from "./cases/events.ts";
import { fanOut } from "./cases/fan-out.ts";
import { followers } from "./cases/followers.ts";
import { frozen } from "./cases/frozen.ts";
import { idle } from "./cases/idle.ts";
import { newest } from "./cases/newest.ts";
import { once } from "./cases/once.ts";
import { ownTopics } from "./cases/own-topics.ts";
import { page } from "./cases/page.ts";
import { past } from "./cases/past.ts";
import { receipts } from "./cases/receipts.ts";
import { receivers } from "./cases/receivers.ts";
import { requestsCase } from "./cases/requests.ts";
import { resume } from "./cases/resume.ts";
import { roundTrip } from "./cases/round-trip.ts";
import { roundTripCost } from "./cases/round-trip-cost.ts";
import { slowReaders } from "./cases/slow-readers.ts";
import { sse } from "./cases/sse.ts";
import { start } from "./cases/start.ts";
import { stompFanOut } from "./cases/stomp.ts";
import { storm } from "./cases/storm.ts";
import { topics } from "./cases/topics.ts";
import { watching } from "./cases/watching.ts";
import { parseOptions } from "./options.ts";
import { chart } from "./report/chart.ts";
import { comparison } from "./report/comparison.ts";
import { recordedWith } from "./report/record.ts";
import { type Results, resultsOf } from "./report/results.ts";
import { goalTable, measureTable } from "./report/tables.ts";
import type { Setting } from "./setting.ts";
import { endIfSilent } from "./silence.ts";
import { BenchBroker } from "./systems/broker.ts";

const cases = [
  start,
  fanOut,
  frozen,
  roundTrip,
  roundTripCost,
  answer,
  requestsCase,
  ownTopics,
  followers,
  idle,
  receivers,
  stompFanOut,
  sse,
  receipts,
  topics,
  cross,
  resume,
  storm,
  justBehind,
  newest,
  slowReaders,
  once,
  past,
  events,
  connecting,
  page,
  watching,
];

const options = parseOptions(process.argv.slice(2), { usual: cases, beside: hotPaths });
if ("print" in options) {
  process.stdout.write(`${options.print}\n`);
  process.exit(options.exitCode);
}

const { cases: chosen, before, now, isRecorded } = options;
using silence = endIfSilent();
const startedMs = performance.now();
const say = (line: string) => {
  silence.broken(line);
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  process.stderr.write(
    `${String(Math.floor(seconds / 60)).padStart(2)}:${String(seconds % 60).padStart(2, "0")}  ${line}\n`,
  );
};

const path = now ?? (await executable());
await using broker = await BenchBroker.start();
const setting: Setting = {
  broker,
  rounds: options.rounds,
  isQuick: options.isQuick,
  before,
  now,
  probes: [],
  measures: [],
  say,
};
say(`RabbitMQ ${broker.node.version}; ${chosen.map(({ name }) => name).join(", ")}`);
for (const one of chosen) setting.measures.push(...(await one.run(setting)));

const results = resultsOf(setting, startedMs);
const tables = () => `${results.measures.map(measureTable).join("\n\n")}\n\n${goalTable(results.goals)}`;
process.stdout.write(`\n${before === undefined ? tables() : comparison(results.measures, [before, path])}\n`);
write(results);
process.exitCode = results.measures.some(({ series }) => series.some(({ samples }) => samples.length === 0))
  ? 1
  : 0;

/** The README's chart is drawn only after a run of all cases. */
function write(all: Results): void {
  const isWhole = !all.isQuick && chosen.length === cases.length;
  const picture = before === undefined ? chart(all) : undefined;
  const name = before !== undefined ? "beside.json" : all.isQuick ? "quick.json" : "results.json";
  const files: [string, string | undefined][] = [
    [join("dist/bench", name), `${JSON.stringify(all, null, 1)}\n`],
    [isWhole ? "docs/images/bench.svg" : "dist/bench/bench.svg", picture],
  ];
  if (isRecorded)
    files.push([figuresPath, `${JSON.stringify(recordedWith(recordedFigures(), all), null, 1)}\n`]);
  mkdirSync(join(projectFolder, "dist/bench"), { recursive: true });
  for (const [path, content] of files) {
    if (content === undefined) continue;
    writeFileSync(join(projectFolder, path), content);
    process.stdout.write(`${relative(process.cwd(), join(projectFolder, path))}\n`);
  }
}
