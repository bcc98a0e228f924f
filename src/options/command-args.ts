import { type ParseArgsConfig, parseArgs } from "node:util";
import { codeOf, reasonOf, UsageError } from "../errors.ts";
import { brokerArgs } from "./broker-args.ts";
import type { CommandUsage } from "./completion/commands.ts";
import { span } from "./kinds/kinds.ts";
import { suggestion } from "./nearest.ts";

type Flags = NonNullable<ParseArgsConfig["options"]>;

/** The flags of every command: its help, RabbitMQ's address, a dry run, and JSON. */
const flagsOfAll = {
  help: { type: "boolean", short: "h" },
  json: { type: "boolean" },
  "dry-run": { type: "boolean" },
  ...brokerArgs,
} as const satisfies Flags;

/**
 * Parses the arguments of a command with flags of its own, such as `warren groups`.
 *
 * @param command its name, with which its errors begin
 * @param flags its own flags
 * @throws UsageError that says what is wrong, and suggests the flag that may have been meant
 */
export function commandArgs<const F extends Flags>(command: string, args: readonly string[], flags: F) {
  const options = { ...flagsOfAll, ...flags };
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (error) {
    const see = `see warren ${command} --help`;
    if (codeOf(error) !== "ERR_PARSE_ARGS_UNKNOWN_OPTION")
      throw new UsageError(`${command}: ${reasonOf(error)}; ${see}`);
    const { tokens } = parseArgs({ args: [...args], strict: false, tokens: true, options });
    const unknown = tokens.find((token) => token.kind === "option" && !Object.hasOwn(options, token.name));
    const flag = unknown?.kind === "option" ? unknown.rawName : "";
    const known = Object.keys(options).map((name) => `--${name}`);
    throw new UsageError(`${command}: unknown flag ${flag}${suggestion(flag, known)}; ${see}`);
  }
}

/**
 * How a command is used, for the descriptions of all commands.
 *
 * @param flags its own flags, without those of every command
 */
export function usageOf(name: string, actions: readonly string[], flags: Flags, help: string): CommandUsage {
  return { name, actions, flags: { ...flags, ...flagsOfAll }, help };
}

/**
 * The action: the word after the command.
 *
 * @throws UsageError that lists the actions
 */
export function actionOf<const A extends string>(
  command: string,
  word: string | undefined,
  actions: readonly A[],
): A {
  const action = actions.find((each) => each === word);
  if (action !== undefined) return action;
  const given = word === undefined ? "" : ` ${JSON.stringify(word)}${suggestion(word, actions)}`;
  throw new UsageError(`${command}${given}: say one of ${actions.join(", ")}; see warren ${command} --help`);
}

const age = span(0, 10 * 365 * 86_400_000);

/**
 * An age in a command's flag: `2h`, `30d`. In milliseconds, 0 to ten years.
 *
 * @throws UsageError that names the flag
 */
export function ageIn(flag: string, text: string): number {
  try {
    return age.parse(text);
  } catch (error) {
    throw new UsageError(`${flag} ${JSON.stringify(text)}: ${reasonOf(error)}`);
  }
}
