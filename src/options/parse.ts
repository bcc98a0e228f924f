import { parseArgs } from "node:util";
import { reasonOf, UsageError } from "../errors.ts";
import { withoutPassword } from "../redact.ts";
import { commands, type Shell, shells } from "./completion/commands.ts";
import { memoryBroker } from "./kinds/checks.ts";
import { NotOfThisKind } from "./kinds/kinds.ts";
import { type Option, type Role, roles } from "./kinds/option.ts";
import { flagOf, variableOf } from "./names.ts";
import { nearest, suggestion } from "./nearest.ts";
import { checkTogether } from "./rules.ts";
import { type OptionName, type Options, optionTable } from "./table.ts";

/** What the command line asks for. */
export type Command =
  | { readonly do: "help" }
  | { readonly do: "version" }
  | { readonly do: "handler-types" }
  | { readonly do: "dead-letters"; readonly args: readonly string[] }
  | { readonly do: "groups"; readonly args: readonly string[] }
  | { readonly do: "completion"; readonly shell: Shell }
  | { readonly do: "manual" }
  | {
      readonly do: "run";
      readonly options: Options;
      /** A sentence for each variable that begins like Warren's but is none. */
      readonly warnings: readonly string[];
    };

const names = Object.keys(optionTable) as OptionName[];
const nameOfFlag = new Map<string, OptionName>(names.map((name) => [flagOf(name).slice(2), name]));
const optionNamed = (name: OptionName) => optionTable[name] as unknown as Option<unknown>;

/**
 * Parses the command line and the environment. Flags take precedence. An empty variable counts as absent.
 *
 * @throws UsageError with one line that says what is wrong and what to do
 */
export function parseCommand(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Command {
  const [word, ...rest] = args;
  if (word === "help" || word === "version") return { do: word };
  if (word === "dead-letters" || word === "groups") return { do: word, args: rest };
  if (word === "manual") return { do: word };
  if (word === "completion") return { do: word, shell: shellIn(rest) };
  const flags = readFlags(withRole(args));
  if (typeof flags === "string") return { do: flags };

  const values: Record<string, unknown> = {};
  for (const name of names) {
    const option = optionNamed(name);
    const flag = flags.get(name);
    const variable = env[variableOf(name)];
    if (flag !== undefined) values[name] = parsed(option, flagOf(name), flag);
    else if (variable !== undefined && variable !== "" && isMeantFor(option, values["role"]))
      values[name] = parsed(option, variableOf(name), variable);
    else values[name] = option.default;
  }
  const role = values["role"] as Role;
  values["broker"] ??= [role === "all" ? memoryBroker : "amqp://guest:guest@localhost:5672"];
  const options = values as Options;

  for (const name of flags.keys()) {
    const meantFor = optionTable[name].roles as readonly Role[];
    if (!meantFor.includes(role)) {
      throw new UsageError(
        `${flagOf(name)} means nothing to --role ${role}: it is for ${meantFor.join(", ")}`,
      );
    }
  }
  checkTogether(options);
  return { do: "run", options, warnings: unknownVariables(env) };
}

/** @throws UsageError */
function shellIn([name]: readonly string[]): Shell {
  const shell = shells.find((each) => each === name);
  if (shell === undefined) throw new UsageError(`completion: say for which shell: ${shells.join(", ")}`);
  return shell;
}

/** `warren bench …` is the same as `warren --role bench …`. */
function withRole(args: readonly string[]): readonly string[] {
  const [word, ...rest] = args;
  return roles.some((role) => role === word) ? ["--role", word!, ...rest] : args;
}

/** Variables that Kubernetes sets for a service named warren, and those of Warren's own tests. */
const othersVariables = /^WARREN_(SERVICE_(HOST|PORT)|PORT_\d+_|TEST_)/;

function unknownVariables(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const known = new Map(names.map((name) => [variableOf(name), name]));
  return Object.keys(env)
    .filter(
      (variable) => variable.startsWith("WARREN_") && !known.has(variable) && !othersVariables.test(variable),
    )
    .map((variable) => {
      const [, gone] = [...goneFlags].find(([flag]) => variableOf(flag) === variable) ?? [];
      if (gone !== undefined) return `the environment variable ${variable} is gone: ${gone}`;
      const near = nearest(variable, known.keys());
      return `the environment variable ${variable} means nothing to Warren${near === undefined ? "" : `: did you mean ${near}?`}`;
    });
}

/** Flags that only print something. */
const printedBy = ["help", "version", "handler-types"] as const;
type Printed = (typeof printedBy)[number];

/** Flags of earlier versions, and what to do instead. */
const goneFlags = new Map([
  [
    "packed",
    "Warren's roles always speak packed to one another, and other programs see every message plain; leave it out (see --plain-copies)",
  ],
]);

/** Words that may come first. */
const words = [...new Set([...roles, ...Object.keys(commands)])];

function knownFlags(): readonly string[] {
  return [...nameOfFlag.keys(), ...printedBy].map((name) => `--${name}`);
}

/** The flags by option name, with their texts. */
function readFlags(args: readonly string[]): Map<OptionName, string> | Printed {
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: {
      help: { type: "boolean", short: "h" },
      version: { type: "boolean", short: "v" },
      "handler-types": { type: "boolean" },
      ...Object.fromEntries(
        [...nameOfFlag].map(([flag, name]) => [
          flag,
          { type: isToggle(name) ? "boolean" : "string" } as const,
        ]),
      ),
    },
  });
  const flags = new Map<OptionName, string>();
  for (const token of tokens) {
    if (token.kind === "positional") {
      throw new UsageError(
        `"${withoutPassword(token.value)}" is not understood${suggestion(token.value, words)}: options start with --, and a command (${words.join(", ")}) comes first; see warren --help`,
      );
    }
    if (token.kind === "option-terminator") continue;
    const printed = printedBy.find((flag) => flag === token.name);
    if (printed !== undefined) return printed;
    const name = nameOfFlag.get(token.name);
    const gone = goneFlags.get(token.name);
    if (gone !== undefined) throw new UsageError(`${token.rawName} is gone: ${gone}`);
    if (name === undefined) {
      throw new UsageError(
        `unknown flag ${token.rawName}${suggestion(token.rawName, knownFlags())}; see warren --help`,
      );
    }
    const earlier = flags.get(name);
    if (earlier !== undefined && !optionNamed(name).kind.isList) {
      throw new UsageError(`${flagOf(name)} is given twice: keep one of them`);
    }
    // If the value is a flag itself, the value was left out.
    const isMissing = token.value === undefined || (!token.inlineValue && token.value.startsWith("--"));
    if (isMissing && !isToggle(name)) {
      throw new UsageError(
        `${flagOf(name)} needs a value: ${flagOf(name)} ${optionNamed(name).kind.placeholder}`,
      );
    }
    const value = token.value ?? "on";
    flags.set(name, earlier === undefined ? value : `${earlier},${value}`);
  }
  return flags;
}

/** The first option of the table is the role itself, which is for every role. */
function isMeantFor(option: Option<unknown>, role: unknown): boolean {
  return role === undefined || option.roles.some((each) => each === role);
}

function isToggle(name: OptionName): boolean {
  return optionNamed(name).kind.placeholder === "";
}

function parsed(option: Option<unknown>, source: string, given: string): unknown {
  try {
    return option.kind.parse(given);
  } catch (error) {
    if (!(error instanceof NotOfThisKind)) throw error;
    // Kubernetes sets WARREN_PORT=tcp://… in every pod if there is a service named warren.
    const hint = /^tcp:\/\//.test(given) ? " (set by Kubernetes? then set enableServiceLinks: false)" : "";
    throw new UsageError(`${source} ${JSON.stringify(withoutPassword(given))}: ${reasonOf(error)}${hint}`);
  }
}
