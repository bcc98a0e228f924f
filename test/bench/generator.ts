/**
 * `bun generator.ts answers|none …the flags of --role bench`: the load generator, which without a processor to wait for
 * ends when everything has been relayed.
 */
import { makeRunId, Plan } from "../../src/bench/plan.ts";
import { Run } from "../../src/bench/run.ts";
import { parseCommand } from "../../src/options/parse.ts";

const [answers, ...flags] = process.argv.slice(2);
const command = parseCommand(["--role", "bench", ...flags], {});
if (command.do !== "run") throw new Error("generator.ts answers|none --url URL …");
const run = new Run(new Plan(command.options, makeRunId()), answers === "answers");
const result = await run.measure(process.stderr, new AbortController().signal);
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit();
