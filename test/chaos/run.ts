import { parseArgs } from "node:util";
import { readFlags } from "../support/flags.ts";
import { startRabbitmq } from "../support/rabbitmq.ts";
import { type Fault, faults } from "./faults.ts";
import { type KeptSeed, keptSeeds } from "./kept-seeds.ts";
import { type Played, play } from "./play.ts";
import { Summary } from "./summary.ts";

/** The length of a run, in seconds: whatever is longer is several runs. */
const runSecondsMax = 60;

/** Chaos. */
const help = `bun run test:chaos: faults at random times while all kinds of clients send and read, and a book that knows what each of them must
have seen. It plays runs of at most ${runSecondsMax} s, each with the next seed, and ends with exit code 1 if anything was wrong.

  --seed N            the first run's seed (a random one)
  --duration SECONDS  how long all runs take together (60)
  --only FAULT,…      the faults whose names contain one of these texts; may be given several times
  --kept              plays the seeds that have found something before, too
  --verbose           prints which faults were played
  --second-try        plays a run again that did not come to its end in time; one in which anything was wrong never
`;

const { seed, duration, wanted, ...flags } = readFlags(help, () => {
  const { values } = parseArgs({
    options: {
      seed: { type: "string" },
      duration: { type: "string", default: "60" },
      only: { type: "string", multiple: true, default: [] },
      kept: { type: "boolean", default: false },
      verbose: { type: "boolean", default: false },
      "second-try": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const seed = values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : Number(values.seed);
  if (!Number.isSafeInteger(seed) || seed < 0) throw new Error("--seed takes a whole number from 0");
  const duration = Number(values.duration.replace(/s$/, ""));
  if (!(duration >= 1)) throw new Error("--duration takes a number of seconds from 1");
  const wanted = values.only.flatMap((names) => names.split(","));
  chosen(wanted);
  return { ...values, seed, duration, wanted };
});

const runs: KeptSeed[] = flags.kept ? [...keptSeeds] : [];
for (let left = duration, next = seed; left > 0; left -= runSecondsMax, next++)
  runs.push({ seed: next, duration: Math.min(left, runSecondsMax), only: wanted, found: "" });

const summary = new Summary();
await using node = await startRabbitmq();
let unsteady = 0;
for (const run of runs) {
  process.stdout.write(`seed ${run.seed}, ${run.duration} s${run.found === "" ? "" : ` (${run.found})`}\n`);
  let played = await playAndTell(run);
  if (played === undefined && flags["second-try"] && node.isRunning) {
    process.stdout.write(`== a second try: seed ${run.seed}\n`);
    played = await playAndTell(run);
    if (played?.verdict.findings.isClean) {
      unsteady++;
      process.stdout.write(`unsteady: passed on the second try: chaos: seed ${run.seed}\n`);
    }
  }
  if (played === undefined) summary.fail(run.seed);
  else summary.add(run.seed, played);
  if (!node.isRunning) break;
}
process.stdout.write(`${summary.line()}\n`);
process.stdout.write(`== ${summary.passed} passed, ${summary.failed} failed, ${unsteady} unsteady\n`);
process.exitCode = summary.isClean ? 0 : 1;

/** @returns undefined if it did not end in time */
async function playAndTell(run: KeptSeed): Promise<Played | undefined> {
  try {
    const played = await play(node, run.seed, run.duration * 1000, chosen(run.only));
    if (flags.verbose) process.stdout.write(`   ${played.played.join(", ")}\n`);
    if (played.report !== "")
      process.stdout.write(
        `WRONG with seed ${run.seed}: bun run test:chaos --seed ${run.seed} --duration ${run.duration}${run.only.map((text) => ` --only "${text}"`).join("")}\n${played.report}\n`,
      );
    return played;
  } catch (error) {
    process.stdout.write(
      `FAILED with seed ${run.seed}: ${error instanceof Error ? error.stack : String(error)}\n`,
    );
    return undefined;
  }
}

/** @throws Error if no fault's name contains a text */
function chosen(texts: readonly string[]): readonly Fault[] {
  const unknown = texts.filter((text) => !faults.some(({ name }) => name.includes(text)));
  if (unknown.length > 0)
    throw new Error(
      `no fault is called ${unknown.join(", ")}. There are:\n${faults.map(({ name }) => name).join("\n")}`,
    );
  return faults.filter(({ name }) => texts.length === 0 || texts.some((text) => name.includes(text)));
}
