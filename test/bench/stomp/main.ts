/** `bun main.ts VHOST …the flags of --role bench`: loads a STOMP server and prints the generator's result as JSON. */
import { makeRunId } from "../../../src/bench/plan.ts";
import { parseCommand } from "../../../src/options/parse.ts";
import { StompPlan } from "./plan.ts";
import { StompRun } from "./run.ts";

const [vhost, ...flags] = process.argv.slice(2);
const command = parseCommand(["--role", "bench", ...flags], {});
if (vhost === undefined || command.do !== "run") throw new Error("main.ts VHOST --url URL …");
const result = await new StompRun(new StompPlan(command.options, makeRunId())).measure(vhost);
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit();
