import { parseArgs } from "node:util";
import { readFlags } from "../support/flags.ts";
import { type RabbitmqNode, startRabbitmq, startRabbitmqCluster } from "../support/rabbitmq.ts";
import { writeToDocs } from "./docs.ts";
import { FaultTooLate, type Played, play } from "./play.ts";
import { type Row, table } from "./row.ts";
import { fullVariable } from "./scale.ts";
import type { Scenario } from "./scenario.ts";
import { besideScenarios } from "./scenarios/beside.ts";
import { brokerScenarios } from "./scenarios/broker.ts";
import { clientScenarios } from "./scenarios/clients.ts";
import { clusterScenarios } from "./scenarios/cluster.ts";
import { eventScenarios } from "./scenarios/events.ts";
import { managerScenarios } from "./scenarios/manager.ts";
import { processorScenarios } from "./scenarios/processor.ts";
import { receiptScenarios } from "./scenarios/receipts.ts";
import { requestScenarios } from "./scenarios/requests.ts";
import { rollingScenarios } from "./scenarios/rolling.ts";
import { withoutCopiesVariable } from "./supervised.ts";

/** The fault suite. */
const help = `bun run test:faults: plays each scenario under load, prints a row for each, and fails if a promise did not hold.

  --only TEXT       the scenarios whose names contain it; may be given several times
  --repeat N        plays each of them so often
  --second-try      plays a scenario again of which nothing but a bound of time did not hold; one that lost, doubled or reordered something never
  --without-copies  starts everything with --plain-copies off
  --full            flocks of clients in their full size, which otherwise have a fifth of it
  --write           puts the rows into docs/reliability.md
`;

const clusterSize = 3;
/** How much is told of each failure once more at the end, in characters. */
const toldAgainMax = 3000;
const all = [
  ...brokerScenarios,
  ...clusterScenarios,
  ...managerScenarios,
  ...processorScenarios,
  ...receiptScenarios,
  ...clientScenarios,
  ...requestScenarios,
  ...eventScenarios,
  ...rollingScenarios,
  ...besideScenarios,
];
const flags = readFlags(help, () => {
  const { values } = parseArgs({
    options: {
      only: { type: "string", multiple: true, default: [] },
      repeat: { type: "string", default: "1" },
      write: { type: "boolean", default: false },
      "second-try": { type: "boolean", default: false },
      "without-copies": { type: "boolean", default: false },
      full: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const repeats = Number(values.repeat);
  if (!Number.isInteger(repeats) || repeats < 1) throw new Error("--repeat takes a number from 1");
  const { only } = values;
  const chosen = all.filter(({ name }) => only.length === 0 || only.some((text) => name.includes(text)));
  if (chosen.length === 0)
    throw new Error(`no scenario is called that. There are:\n${all.map(({ name }) => name).join("\n")}`);
  return { ...values, repeats, chosen };
});
// Supervised processes read this variable.
if (flags["without-copies"]) process.env[withoutCopiesVariable] = "1";
if (flags.full) process.env[fullVariable] = "1";

const rows: Row[] = [];
let passed = 0;
let failed = 0;
const unsteady: string[] = [];
/** What is told of those that failed, once more at the end: the log of CI may be cut off before. */
const failures: string[] = [];

await playAll(
  flags.chosen.filter((scenario) => !isForCluster(scenario)),
  async () => [await startRabbitmq()],
);
await playAll(flags.chosen.filter(isForCluster), () => startRabbitmqCluster(clusterSize));

process.stdout.write(`\n${table(rows)}\n\n`);
for (const text of failures) process.stdout.write(`failed: faults: ${text.slice(0, toldAgainMax)}\n`);
for (const name of unsteady) process.stdout.write(`unsteady: passed on the second try: faults: ${name}\n`);
process.stdout.write(`== ${passed} passed, ${failed} failed, ${unsteady.length} unsteady\n`);
if (flags.write) await writeToDocs(rows);
process.exit(failed === 0 ? 0 : 1);

async function playAll(scenarios: readonly Scenario[], start: () => Promise<RabbitmqNode[]>): Promise<void> {
  if (scenarios.length === 0) return;
  const nodes = await start();
  for (const scenario of scenarios) {
    for (let repeat = 0; repeat < flags.repeats; repeat++) await playOne(scenario, nodes);
  }
  for (const node of nodes.reverse()) await node.stop();
}

async function playOne(scenario: Scenario, nodes: readonly RabbitmqNode[]): Promise<void> {
  let outcome = await playAndTell(scenario, nodes);
  if (flags["second-try"] && outcome.isLate) {
    process.stdout.write(`== a second try: ${scenario.name}\n`);
    const first = outcome;
    outcome = await playAndTell(scenario, nodes);
    if (outcome.hasPassed) unsteady.push(scenario.name);
    else failures.push(first.told);
  }
  if (outcome.hasPassed) passed++;
  else {
    failed++;
    failures.push(outcome.told);
  }
  if (outcome.row !== undefined) rows.push(outcome.row);
}

interface Outcome {
  readonly row: Row | undefined;
  readonly hasPassed: boolean;
  /** Whether only a bound of time did not hold. */
  readonly isLate: boolean;
  /** What was said of it. */
  readonly told: string;
}

async function playAndTell(scenario: Scenario, nodes: readonly RabbitmqNode[]): Promise<Outcome> {
  const startedAt = performance.now();
  const outcome = (hasPassed: boolean, isLate: boolean, lines: readonly string[], row?: Row): Outcome => {
    const took = `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
    const text = [`(${hasPassed ? "pass" : "FAIL"}) ${scenario.name} [${took}]`, ...lines, ""].join("\n");
    process.stdout.write(text);
    return { row, hasPassed, isLate, told: text };
  };
  let played: Played;
  try {
    played = await play(scenario, nodes);
  } catch (error) {
    return outcome(false, error instanceof FaultTooLate, [told(error)]);
  }
  const { row, failures, isLate } = played;
  const lines = [JSON.stringify(row), ...failures.map((failure) => `   ${failure}`)];
  return outcome(failures.length === 0, isLate, lines, row);
}

function isForCluster({ setting }: Scenario): boolean {
  return setting?.isCluster === true;
}

/** An error with all that it was caused by or came in the way of. */
function told(error: unknown): string {
  if (!(error instanceof Error)) return `   ${String(error)}`;
  const within = error instanceof SuppressedError ? [error.error, error.suppressed] : [error.cause];
  const known = within.filter((each) => each !== undefined).map(told);
  return [`   ${error.stack ?? String(error)}`, ...known].join("\n");
}
