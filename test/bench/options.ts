import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Case } from "./setting.ts";

export interface Options {
  readonly isQuick: boolean;
  readonly rounds: number;
  /** Whether the figures are written to the README and docs. */
  readonly isRecorded: boolean;
  readonly cases: readonly Case[];
  /** The earlier executable, with which `now` is compared. */
  readonly before: string | undefined;
  /** The other executable; undefined: the one of this source. */
  readonly now: string | undefined;
}

/** What can be measured. */
export interface Cases {
  /** Warren beside other systems. */
  readonly usual: readonly Case[];
  /** Warren beside an earlier Warren. */
  readonly beside: readonly Case[];
}

/** Fewer rounds say nothing about spread. */
const roundsByDefault = 5;

/** The parsed command line, or what to print and the exit code. */
export function parseOptions(
  args: readonly string[],
  all: Cases,
): Options | { readonly print: string; readonly exitCode: number } {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        quick: { type: "boolean", default: false },
        rounds: { type: "string" },
        before: { type: "string" },
        now: { type: "string" },
        record: { type: "boolean", default: false },
        only: { type: "string", multiple: true },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) return { print: help(all), exitCode: 0 };
    const { before, now } = values;
    for (const [flag, file] of Object.entries({ before, now }))
      if (file !== undefined && !existsSync(file)) throw new Error(`--${flag}: there is no file ${file}`);
    if (now !== undefined && before === undefined) throw new Error("--now is compared with --before");
    const cases = before === undefined ? all.usual : all.beside;
    const only = values.only?.flatMap((names) => names.split(","));
    const covers = (name: string, one: Case) => one.name === name || one.name.startsWith(`${name}-`);
    const unknown = only?.find((name) => !cases.some((one) => covers(name, one)));
    if (unknown !== undefined) throw new Error(`no case is named ${unknown}`);
    const rounds = Number(values.rounds ?? (values.quick ? 1 : roundsByDefault));
    if (!Number.isInteger(rounds) || rounds < 1) throw new Error("--rounds takes a whole number from 1");
    const isChosen = (one: Case) => only?.some((name) => covers(name, one)) ?? (one.isQuick || !values.quick);
    if (values.record && values.quick) throw new Error("--quick is too coarse to --record");
    if (values.record && before !== undefined)
      throw new Error("--record is for what is beside other ways: without --before");
    return {
      isQuick: values.quick,
      rounds,
      isRecorded: values.record,
      cases: cases.filter(isChosen),
      before,
      now,
    };
  } catch (error) {
    return { print: `${error instanceof Error ? error.message : error}\n\n${help(all)}`, exitCode: 2 };
  }
}

function help({ usual, beside }: Cases): string {
  const width = Math.max(...usual.map(({ name }) => name.length));
  const lines = (cases: readonly Case[]) =>
    cases.map(({ name, what }) => `    ${name.padEnd(width)}  ${what}`);
  return [
    "bun run bench: measures Warren beside other ways to do the same, on this machine. Linux; needs RabbitMQ installed.",
    "",
    "  --quick        a first answer in about a minute: fewer cases, coarse, and the README's chart is left alone",
    `  --rounds N     how often every contender has its turn (${roundsByDefault}; 1 with --quick)`,
    "  --record       README shows the medians of this run from now on, after bun run docs: on a quiet machine alone",
    "  --only NAME    one case, or all whose names begin with it (stomp); may be given several times",
    "",
    ...lines(usual),
    "",
    "  --before FILE  compares Warren with an earlier executable of it instead: the two take turns in each burst of messages, and",
    "                 a table shows the ratio for each of the hot paths, and the sizes of both; some six minutes, on a quiet machine",
    "  --now FILE     the executable that is compared with it (the one of this source)",
    "",
    ...lines(beside),
    "",
  ].join("\n");
}
