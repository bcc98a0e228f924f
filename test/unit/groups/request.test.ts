import { describe, expect, test } from "bun:test";
import { isUnusedFor, jsonOf, rowOf, tableHead } from "../../../src/groups/group.ts";
import { requestOf } from "../../../src/groups/request.ts";

const minute = 60_000;
const ask = (line: string) => requestOf(line === "" ? [] : line.split(" "), 15 * minute);

describe("warren groups", () => {
  test.each(["", "help", "--help", "list --help"])("%s explains itself", (line) => {
    expect(ask(line)).toBe("help");
  });

  test.each([
    ["list", { action: "list", names: [], unusedForMs: undefined }],
    ["list billing billing", { names: ["billing"] }],
    ["list --abandoned", { unusedForMs: 15 * minute }],
    ["remove --unused-for 30d", { action: "remove", unusedForMs: 30 * 24 * 60 * minute }],
    ["remove billing --dry-run", { names: ["billing"], isDryRun: true, unusedForMs: undefined }],
    ["remove --abandoned --unused-for 1h", { unusedForMs: 60 * minute }],
    ["list --broker amqp://a --broker-ca f", { brokerArgs: ["--broker", "amqp://a", "--broker-ca", "f"] }],
  ] as const)("%s is understood", (line, expected) => {
    expect(ask(line)).toMatchObject(expected);
  });

  test.each([
    ["bury", 'groups "bury": say one of list, remove; see warren groups --help'],
    [
      "remove",
      "groups remove deletes queues for good: say which (NAME…), or --abandoned, or --unused-for TIME",
    ],
    ["remove --dry-run", "groups remove deletes queues for good"],
    ["remove log", 'groups remove "log": must be another name'],
    ["remove --unused-for soon", '--unused-for "soon": must be a time'],
    ["lisd", 'groups "lisd" (did you mean list?): say one of list, remove; see warren groups --help'],
    ["list --every", "groups: unknown flag --every; see warren groups --help"],
    ["list --abandond", "groups: unknown flag --abandond (did you mean --abandoned?); see"],
    ["list --borker amqp://a", "groups: unknown flag --borker (did you mean --broker?); see"],
    ["list -a", "groups: unknown flag -a; see"],
    ["list --json=yes", "groups: Option '--json' does not take an argument; see"],
    ["remove a --unused-for", "groups: Option '--unused-for <value>' argument missing; see"],
  ])("%s is refused with what to do", (line, why) => {
    expect(() => ask(line)).toThrow(why);
  });
});

describe("a line of the list", () => {
  const group = { name: "billing", consumers: 0, messages: 1200, events: undefined, seenMs: 1_000_000 };

  test("stands under the heads of its columns", () => {
    const row = rowOf(group, true, 1_000_000 + 90 * minute);
    expect(row).toBe("billing                   0          1200       -        90m ago    abandoned");
    expect(row.indexOf("1200")).toBe(tableHead.indexOf("MESSAGES"));
    expect(row.indexOf("90m")).toBe(tableHead.indexOf("LAST SEEN"));
  });

  test("of a group with processors says that it is seen now", () => {
    expect(rowOf({ ...group, consumers: 3, events: 0 }, false, 5)).toMatch(/^billing +3 +1200 +0 +now$/);
  });

  test("is one JSON object", () => {
    expect(JSON.parse(jsonOf(group, true))).toEqual({
      group: "billing",
      consumers: 0,
      messages: 1200,
      seen: "1970-01-01T00:16:40.000Z",
      abandoned: true,
    });
  });

  test("is unused if nothing tells when it was used", () => {
    expect(isUnusedFor({ ...group, seenMs: undefined }, 10, 0)).toBe(true);
    expect(isUnusedFor({ ...group, seenMs: undefined, consumers: 1 }, 10, 0)).toBe(false);
  });
});
