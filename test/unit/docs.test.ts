import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { projectFolder } from "../../build/compile.ts";
import { runDeadLetters } from "../../src/dead-letters/command.ts";
import { FatalError } from "../../src/errors.ts";
import { runGroups } from "../../src/groups/command.ts";
import { commands as warrenCommands } from "../../src/options/completion/commands.ts";
import { helpText } from "../../src/options/help.ts";
import { flagOf } from "../../src/options/names.ts";
import { parseCommand } from "../../src/options/parse.ts";
import { optionTable } from "../../src/options/table.ts";
import { commandsIn, documents, snippets, textOf } from "../support/snippets.ts";

/**
 * What the documents show is what the code understands. The snippets that need other programs, such as Python's, are in
 * test/integration/snippets.test.ts.
 */
const current = documents.filter((document) => document !== "CHANGELOG.md");
const checkedLanguages = ["sh", "json", "js", "ts", "python", "nginx", "haproxy", ""];

/** Programs of others that a command of the documents may begin with. */
const othersPrograms = [
  "curl",
  "docker",
  "echo",
  "install",
  "kubectl",
  "openssl",
  "cp",
  "chmod",
  "tee",
  "systemctl",
];

const scripts = (JSON.parse(readFileSync(join(projectFolder, "package.json"), "utf8")) as { scripts: object })
  .scripts;

/** Throws unless Warren, or Bun with this project's scripts, understands the command. */
async function understand([program, ...args]: readonly string[]): Promise<void> {
  if (program === "sudo") return await understand(args);
  if (program === "npx") return await understand(args.filter((arg) => arg !== "--yes"));
  if (program === "wscat" || othersPrograms.includes(program!)) return;
  if (program === "bun" || program === "bun@1.4.5") return understandBun(args);
  if (program !== "warren" && program !== "dist/warren") throw new Error(`what is ${program}?`);
  const runs = { "dead-letters": runDeadLetters, groups: runGroups }[args[0]!];
  if (runs === undefined) return void parseCommand(args, {});
  // Where no RabbitMQ is: a command that is understood fails over that, unless it asks for nothing but help.
  const nowhere = { WARREN_BROKER: "amqp://127.0.0.1:9" };
  const written = { write: () => undefined };
  const outcome = await runs(args.slice(1), nowhere, written, written).catch((error: unknown) => error);
  if (outcome !== 0) expect(outcome).toBeInstanceOf(FatalError);
}

function understandBun([verb, name]: readonly string[]): void {
  if (verb === "install" || verb === "build" || verb === "audit") return;
  const script = verb === "run" ? name! : verb!;
  if (script === "test" && verb === "test")
    return void expect(existsSync(join(projectFolder, name!))).toBe(true);
  if (script.endsWith(".ts")) expect(existsSync(join(projectFolder, script))).toBe(true);
  else expect(Object.keys(scripts)).toContain(script);
}

test("every snippet is of a language that a test checks", () => {
  const others = snippets().filter(({ language }) => !checkedLanguages.includes(language));
  expect(others.map(({ place, language }) => `${place} ${language}`)).toEqual([]);
  expect(snippets().length).toBeGreaterThan(25);
});

describe("a command that a document shows is understood", () => {
  test.each(snippets("sh").map(({ place, code }) => [place, code] as const))("%s", async (_, code) => {
    const commands = commandsIn(code);
    expect(commands.length).toBeGreaterThan(0);
    for (const command of commands) await understand(command);
    expect(Bun.spawnSync(["bash", "-n", "-c", code]).stderr.toString()).toBe("");
  });

  test.each(
    current.map((document) => {
      const inline = textOf(document).matchAll(/`((?:dist\/)?warren [^`\n]+|bun run [^`\n]+)`/g);
      return [document, [...inline].map(([, command]) => command!)] as const;
    }),
  )("in the text of %s", async (_, shown) => {
    for (const command of shown) {
      // One with a placeholder, such as FILE or …, shows how it is written.
      const words = commandsIn(command)[0]!;
      const isShape = words.some((word) => /…|^[A-Z][A-Z-]*$|[[\]]/.test(word));
      if (!isShape) await understand(words);
      else if (words[0] === "bun") understandBun(words.slice(1, 3));
      else
        expect([...Object.keys(warrenCommands), "help", "version"]).toContain(
          words[1]!.replace(/^-.*/, "help"),
        );
    }
  });
});

describe("a flag that a document names is there", () => {
  const warrens = new Set([
    ...Object.keys(optionTable).map(flagOf),
    ...(helpText().match(/--[a-z][a-z-]*[a-z]/g) ?? []),
  ]);
  const help: string[] = [];
  const sources = [
    "src/dead-letters/request.ts",
    "src/groups/request.ts",
    "test/faults/run.ts",
    "test/chaos/run.ts",
    "test/bench/options.ts",
  ];
  sources.push("test/suite/run.ts", "src/options/parse.ts");
  for (const source of sources) help.push(readFileSync(join(projectFolder, source), "utf8"));
  /** Of the test programs, and those that are gone and are said to be. */
  const isElsewhere = (flag: string) => help.some((text) => text.includes(flag.slice(2)));
  /** Of other programs. */
  const others = [
    "--frozen-lockfile",
    "--reporter",
    "--reporter-outfile",
    "--smol",
    "--compile",
    "--timeout",
    "--parallel",
    "--cap-drop",
  ];

  test.each(current)("in %s", (document) => {
    const flags = [...textOf(document).matchAll(/`[^`\n]*`/g)].flatMap(
      ([code]) => code.match(/(?<![\w-])--[a-z][a-z-]*[a-z]/g) ?? [],
    );
    const unknown = flags.filter(
      (flag) => !warrens.has(flag) && !isElsewhere(flag) && !others.includes(flag),
    );
    expect([...new Set(unknown)]).toEqual([]);
  });
});

test.each(snippets("json").map(({ place, code }) => [place, code] as const))("%s is JSON", (_, code) => {
  expect(typeof JSON.parse(code)).toBe("object");
});

describe("a link in a document leads to something that is there", () => {
  test.each(documents)("%s", (document) => {
    const folder = join(projectFolder, document, "..");
    const broken = [
      ...textOf(document).matchAll(/\]\((?!https?:|mailto:)([^)\s#]*)(?:#([^)\s]+))?\)/g),
    ].filter(([, path = "", anchor]) => {
      const target = path === "" ? join(projectFolder, document) : join(folder, path);
      if (!existsSync(target)) return true;
      return (
        anchor !== undefined && target.endsWith(".md") && !anchorsOf(readFileSync(target, "utf8")).has(anchor)
      );
    });
    expect(broken.map(([link]) => link)).toEqual([]);
  });
});

/** What GitHub makes of a document's headings. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading!);
  const ids = [...text.matchAll(/<a (?:id|name)="([^"]+)"/g)].map(([, id]) => id!);
  return new Set([
    ...headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .replaceAll(" ", "-"),
    ),
    ...ids,
  ]);
}

test("docs/operations.md says what to do about each alert, and has no other", () => {
  interface Rules {
    readonly groups: readonly { readonly rules: readonly { readonly alert: string }[] }[];
  }
  const rules = Bun.YAML.parse(
    readFileSync(join(projectFolder, "ops/prometheus/warren.rules.yaml"), "utf8"),
  ) as Rules;
  const alerts = rules.groups.flatMap((group) => group.rules.map(({ alert }) => alert));
  const explained = [...textOf("docs/operations.md").matchAll(/^\| `(Warren\w+)` \|/gm)].map(
    ([, name]) => name!,
  );
  expect(alerts.length).toBeGreaterThan(10);
  expect(explained).toEqual(alerts);
});

test("docs/protocol.md has all that a handler is called with", () => {
  const types = readFileSync(join(projectFolder, "src/processor/handler-types.ts"), "utf8");
  const text = textOf("docs/protocol.md");
  const tableOf = (head: string) =>
    new RegExp(`^\\| of the ${head} \\| \\|\\n(?:\\|.*\\n)+`, "m").exec(text)![0];
  for (const [name, head] of [
    ["HandlerMessage", "message"],
    ["HandlerContext", "context"],
  ] as const) {
    const [, body] = new RegExp(`export interface ${name} \\{\\n([\\s\\S]*?)\\n\\}`).exec(types)!;
    const members = [...body!.matchAll(/^ {2}(?:readonly )?(\w+)[(:?]/gm)].map(([, member]) => member!);
    expect(members.length).toBeGreaterThan(5);
    const table = tableOf(head);
    expect(members.filter((member) => !new RegExp(`\`${member}\\b`).test(table))).toEqual([]);
  }
});

test("no document has what a merge leaves behind", () => {
  const marked = documents.filter((document) => /^(<{7}|>{7}) /m.test(textOf(document)));
  expect(marked).toEqual([]);
});
