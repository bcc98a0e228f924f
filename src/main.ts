import { CommandOutput } from "./command-output.ts";
import { FatalError, UsageError } from "./errors.ts";
import { runScript, scriptIn } from "./handler-script.ts";
import { completionFor } from "./options/completion.ts";
import { helpText } from "./options/help.ts";
import { manual } from "./options/manual.ts";
import { type Command, parseCommand } from "./options/parse.ts";
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
    if (command.do === "run" && command.options.role !== "bench") process.exitCode = await serve(command);
    else {
      const output = new CommandOutput(process.stdout);
      process.exitCode = await perform(command, output);
      await output.written();
    }
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof FatalError)) throw error;
    process.stderr.write(`warren: ${error.message}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}

/** What ends by itself. Returns the exit code. */
async function perform(command: Command, output: CommandOutput): Promise<number> {
  if (command.do === "dead-letters") return await deadLetters(command.args, output);
  if (command.do === "groups") return await groups(command.args, output);
  if (command.do === "run") return await bench(command.options, output);
  output.write(await textOf(command));
  return 0;
}

/** What a command prints that asks for nothing but a text. */
async function textOf(command: Exclude<Command, { do: "run" | "dead-letters" | "groups" }>): Promise<string> {
  if (command.do === "help") return `${helpText()}\n`;
  if (command.do === "handler-types") return await handlerTypes();
  if (command.do === "version") return `warren ${version}\n`;
  if (command.do === "completion") return completionFor(command.shell, await usages());
  return manual(await usages());
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

async function deadLetters(args: readonly string[], output: CommandOutput): Promise<number> {
  const { runDeadLetters } = await import("./dead-letters/command.ts");
  const abort = new AbortController();
  void stopSignal().then(() => abort.abort());
  return runDeadLetters(args, process.env, output, process.stderr, abort.signal);
}

async function groups(args: readonly string[], output: CommandOutput): Promise<number> {
  const { runGroups } = await import("./groups/command.ts");
  return runGroups(args, process.env, output, process.stderr);
}

async function bench(options: Options, output: CommandOutput): Promise<number> {
  const { runBench } = await import("./bench/bench.ts");
  const abort = new AbortController();
  void stopSignal().then(() => abort.abort());
  return runBench(options, output, process.stderr, abort.signal);
}
