import { parseArgs } from "node:util";
import type { Case } from "./setting.ts";

export interface Options {
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly cases: readonly Case[];
}

/** Fewer say nothing about spread. */
const roundsByDefault = 5;

/** What the command line asks for, or what to print and exit with. */
export function parseOptions(
  args: readonly string[],
  cases: readonly Case[],
): Options | { readonly print: string; readonly exitCode: number } {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        quick: { type: "boolean", default: false },
        rounds: { type: "string" },
        only: { type: "string", multiple: true },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) return { print: help(cases), exitCode: 0 };
    const only = values.only?.flatMap((names) => names.split(","));
    const covers = (name: string, one: Case) => one.name === name || one.name.startsWith(`${name}-`);
    const unknown = only?.find((name) => !cases.some((one) => covers(name, one)));
    if (unknown !== undefined) throw new Error(`no case is named ${unknown}`);
    const rounds = Number(values.rounds ?? (values.quick ? 1 : roundsByDefault));
    if (!Number.isInteger(rounds) || rounds < 1) throw new Error("--rounds takes a whole number from 1");
    const isChosen = (one: Case) => only?.some((name) => covers(name, one)) ?? (one.isQuick || !values.quick);
    return { isQuick: values.quick, rounds, cases: cases.filter(isChosen) };
  } catch (error) {
    return { print: `${error instanceof Error ? error.message : error}\n\n${help(cases)}`, exitCode: 2 };
  }
}

function help(cases: readonly Case[]): string {
  const width = Math.max(...cases.map(({ name }) => name.length));
  return [
    "bun run bench: measures Warren beside other ways to do the same, on this machine. Linux; needs RabbitMQ installed.",
    "",
    "  --quick        a first answer in about a minute: fewer cases, coarse, and the README's chart is left alone",
    `  --rounds N     how often every contender has its turn (${roundsByDefault}; 1 with --quick)`,
    "  --only NAME    one case, or all whose names begin with it (stomp); may be given several times",
    "",
    ...cases.map(({ name, what }) => `    ${name.padEnd(width)}  ${what}`),
    "",
  ].join("\n");
}
