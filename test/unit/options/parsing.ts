import { expect } from "bun:test";
import { UsageError } from "../../../src/errors.ts";
import { parseCommand } from "../../../src/options/parse.ts";
import type { Options } from "../../../src/options/table.ts";

export type Env = Readonly<Record<string, string | undefined>>;

export function optionsOf(line: string, env: Env = {}): Options {
  const command = parseCommand(line.split(" ").filter(Boolean), env);
  if (command.do !== "run") throw new Error(`"${line}" asks for ${command.do}`);
  return command.options;
}

/** The usage error of a command line, which must be one line and tell no password. */
export function refusalOf(args: string | readonly string[], env: Env = {}): string {
  try {
    parseCommand(typeof args === "string" ? args.split(" ").filter(Boolean) : args, env);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    expect(error.message).not.toInclude("\n");
    return error.message;
  }
  throw new Error(`not refused: ${JSON.stringify(args)} with ${JSON.stringify(env)}`);
}
