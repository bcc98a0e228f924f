/**
 * `bun generator.ts answers|none SECONDS …the flags of --role bench`: the load generator, which without a processor to wait for
 * ends when everything has been relayed. What comes at all within SECONDS of what came before it is late, not lost; 0 leaves
 * the time as `--role bench` has it.
 */
import { makeRunId, Plan } from "../../src/bench/plan.ts";
import { Run } from "../../src/bench/run.ts";
import { parseCommand } from "../../src/options/parse.ts";

const [answers, seconds, ...flags] = process.argv.slice(2);
const command = parseCommand(["--role", "bench", ...flags], {});
if (command.do !== "run") throw new Error("generator.ts answers|none SECONDS --url URL …");
const patienceMs = Number(seconds) * 1000;
const patience = patienceMs > 0 ? { quietMs: patienceMs, mostMs: patienceMs } : undefined;
const run = new Run(new Plan(command.options, makeRunId()), answers === "answers", patience);
const result = await run.measure(process.stderr, new AbortController().signal);
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit();
