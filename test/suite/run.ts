import { bunTest } from "./bun-test.ts";
import { failedFiles } from "./report.ts";
import { linesOf, verdictOf } from "./verdict.ts";

/**
 * The tests: `bun run test [--second-try] [what bun test takes]…`. With `--second-try` the files in which a test failed are
 * run once more, each in a process of its own. What then passes is said to be unsteady; what fails again has failed.
 */
const secondTryFlag = "--second-try";
/** When tests fail in more files than this, chance is not what failed them. */
const secondTryFilesMax = 20;

const args = process.argv.slice(2);
const bunArgs = args.filter((arg) => arg !== secondTryFlag);

const { report, exitCode } = await bunTest(bunArgs);
const failed = failedFiles(report);
const isTriedAgain = args.includes(secondTryFlag) && failed.length > 0 && failed.length <= secondTryFilesMax;
const second = new Map();
const options = bunArgs.filter((arg) => arg.startsWith("-"));
for (const file of isTriedAgain ? failed : []) {
  process.stdout.write(`\n== a second try: ${file}\n`);
  const again = await bunTest([...options, `./${file}`], [file]);
  for (const [name, tests] of again.report) second.set(name, tests);
}

const verdict = verdictOf(report, second);
// Nothing was run, or `bun test` complains about something that is no test.
const complaint = exitCode !== 0 && failed.length === 0 ? [`bun test ended with ${exitCode}`] : [];
const all = { ...verdict, failed: [...verdict.failed, ...complaint] };
process.stdout.write(`\n${linesOf(all).join("\n")}\n`);
process.exit(all.failed.length === 0 && all.passed > 0 ? 0 : 1);
