import { describe, expect, test } from "bun:test";
import { requestOf } from "../../../src/dead-letters/request.ts";

const ask = (line: string) => requestOf(line === "" ? [] : line.split(" "));

describe("warren dead-letters", () => {
  test.each(["", "help", "--help", "purge --help"])("%s explains itself", (line) => {
    expect(ask(line)).toBe("help");
  });

  test.each([
    ["list", { action: "list", isDryRun: false, isJson: false, countMax: 100 }],
    ["show a b --id c", { action: "show", filter: { ids: ["a", "b", "c"] } }],
    ["replay --group billing --dry-run", { action: "replay", isDryRun: true, filter: { group: "billing" } }],
    [
      "list --older-than 2h --newer-than 7d",
      { filter: { olderThanMs: 7_200_000, newerThanMs: 604_800_000 } },
    ],
    [
      "list --limit 7 --json --broker amqp://a",
      { countMax: 7, isJson: true, brokerArgs: ["--broker", "amqp://a"] },
    ],
  ] as const)("%s is understood", (line, expected) => {
    expect(ask(line)).toMatchObject(expected);
  });

  test.each([
    ["bury", 'dead-letters "bury": say one of list, show, replay, purge; see warren dead-letters --help'],
    ["reply", 'dead-letters "reply" (did you mean replay?): say one of list, show, replay, purge; see'],
    ["--json", "dead-letters: say one of list, show, replay, purge; see"],
    ["purge", "dead-letters purge deletes for good: say which (--group, --reason, --id, …), or --all"],
    ["list --limit 0", "--limit 0: must be a whole number from 1"],
    ["list --older-then 1h", "dead-letters: unknown flag --older-then (did you mean --older-than?); see"],
    ["list --older-than", "dead-letters: Option '--older-than <value>' argument missing; see"],
    ["list --__proto__", "dead-letters: unknown flag --__proto__; see"],
  ])("%s is refused with what to do", (line, why) => {
    expect(() => ask(line)).toThrow(why);
  });
});
