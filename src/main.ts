import { FatalError, UsageError } from "./errors.ts";
import { runScript, scriptIn } from "./handler-script.ts";
import { completionFor } from "./options/completion.ts";
import { helpText } from "./options/help.ts";
import { manual } from "./options/manual.ts";
import { parseCommand } from "./options/parse.ts";
import type { Options } from "./options/table.ts";
import { quarantinedFlag, serveQuarantined } from "./processor/quarantined.ts";
import { serve } from "./serving/serve.ts";
import { stopSignal } from "./serving/signals.ts";
import { version } from "./version.ts";

// The log's reader has gone (`warren | head`). Serving goes on without it.
for (const output of [process.stdout, process.stderr]) output.on("error", () => undefined);

const script = scriptIn(process.argv.slice(2), process.env);
if (script !== undefined) await runScript(script);
else {
  await runWarren();
  // Whatever is still open, such as a handler's timer, must not keep a stopped process running.
  process.exit();
}

async function runWarren(): Promise<void> {
  try {
    if (process.argv[2] === quarantinedFlag) await serveQuarantined(process.argv[3]!, process.argv[4]);
    const command = parseCommand(process.argv.slice(2), process.env);
    if (command.do === "help") process.stdout.write(`${helpText()}\n`);
    else if (command.do === "handler-types") process.stdout.write(await handlerTypes());
    else if (command.do === "version") process.stdout.write(`warren ${version}\n`);
    else if (command.do === "completion") process.stdout.write(completionFor(command.shell, await usages()));
    else if (command.do === "manual") process.stdout.write(manual(await usages()));
    else if (command.do === "dead-letters") process.exitCode = await deadLetters(command.args);
    else if (command.do === "groups") process.exitCode = await groups(command.args);
    else
      process.exitCode =
        command.options.role === "bench" ? await bench(command.options) : await serve(command);
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof FatalError)) throw error;
    process.stderr.write(`warren: ${error.message}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}

/** The types' text is the file that Warren itself is checked with. */
async function handlerTypes(): Promise<string> {
  const file: unknown = await import("./processor/handler-types.ts", { with: { type: "text" } });
  return (file as { readonly default: string }).default;
}

/** The usages of the commands that have actions and flags of their own. */
async function usages() {
  const requests = [import("./dead-letters/request.ts"), import("./groups/request.ts")];
  return (await Promise.all(requests)).map(({ usage }) => usage);
}

async function deadLetters(args: readonly string[]): Promise<number> {
  const { runDeadLetters } = await import("./dead-letters/command.ts");
  const abort = new AbortController();
  void stopSignal().then(() => abort.abort());
  return runDeadLetters(args, process.env, process.stdout, process.stderr, abort.signal);
}

async function groups(args: readonly string[]): Promise<number> {
  const { runGroups } = await import("./groups/command.ts");
  return runGroups(args, process.env, process.stdout, process.stderr);
}

async function bench(options: Options): Promise<number> {
  const { runBench } = await import("./bench/bench.ts");
  const abort = new AbortController();
  void stopSignal().then(() => abort.abort());
  return runBench(options, process.stdout, process.stderr, abort.signal);
}
