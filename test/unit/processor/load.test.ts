import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { FatalError } from "../../../src/errors.ts";
import { HandlerMessage } from "../../../src/processor/handler.ts";
import { loadWork } from "../../../src/processor/load.ts";
import { callOf } from "../doubles/published-answers.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "warren load ")));
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(name: string, lines: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, lines.join("\n"));
  return path;
}

/** The fatal error of loading it, which must be one line. */
async function refusalOf(path: string): Promise<string> {
  const error: unknown = await loadWork(path).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(FatalError);
  const { message } = error as FatalError;
  expect(message).not.toInclude("\n");
  return message;
}

const hello = new HandlerMessage({
  id: "m",
  body: "hello",
  topic: "",
  clientId: undefined,
  headers: undefined,
  appId: undefined,
  timestamp: undefined,
});

const context = callOf(hello);

test("a module that imports a package that is not there says where to install it", async () => {
  const path = fileOf("without-package.ts", ['import "no-such-package";', "export default () => 1;"]);
  expect(await refusalOf(path)).toBe(
    `handler ${path}: Cannot find package 'no-such-package' imported from ${path}; install it in the handler's folder, as with npm install`,
  );
});

describe("a module with a default function", () => {
  test("in TypeScript is loaded", async () => {
    const path = fileOf("typed.ts", [
      "interface Message { readonly text: string }",
      "enum Case { Upper }",
      "export default async (message: Message): Promise<string> =>",
      "  Case.Upper === 0 ? message.text.toUpperCase() : '';",
    ]);
    const { handle } = await loadWork(path);
    expect(await handle(hello, context)).toBe("HELLO");
  });

  test("in JavaScript is loaded", async () => {
    const path = fileOf("plain.js", ["export default function (message) { return message.text.length }"]);
    expect((await loadWork(path)).handle(hello, context)).toBe(5);
  });

  test("in CommonJS is loaded", async () => {
    const path = fileOf("common.cjs", ["module.exports = (message) => 'common ' + message.text;"]);
    expect((await loadWork(path)).handle(hello, context)).toBe("common hello");
  });

  test("may import its neighbours", async () => {
    fileOf("neighbour.ts", ["export const suffix: string = '!';"]);
    const path = fileOf("sociable.ts", [
      "import { suffix } from './neighbour.ts';",
      "export default (message: { text: string }) => message.text + suffix;",
    ]);
    expect((await loadWork(path)).handle(hello, context)).toBe("hello!");
  });

  test("is found from the folder in which Warren was started, and under any name", async () => {
    const path = fileOf("100% odd #1 ä.ts", ["export default () => 'odd';"]);
    expect((await loadWork(relative(process.cwd(), path))).handle(hello, context)).toBe("odd");
  });
});

describe("a module that exports topics", () => {
  test("is for these alone, patterns among them", async () => {
    const path = fileOf("topics.ts", [
      'export const topics = ["orders.#", "a.*.c", ""];',
      "export default () => {};",
    ]);
    const { isFor } = await loadWork(path);
    const topics = ["orders", "orders.new.red", "a.b.c", "", "a.b", "order"];
    expect(topics.filter((topic) => isFor!(topic))).toEqual(["orders", "orders.new.red", "a.b.c", ""]);
  });

  test("and without them is for all", async () => {
    expect((await loadWork(fileOf("all.ts", ["export default () => {};"]))).isFor).toBeUndefined();
  });

  test.each([
    ["a text", '"orders.#"', "are no list of patterns"],
    ["an empty list", "[]", "are no list of patterns"],
    ["a list with a number", "[7]", "name a number"],
    ["a pattern that is too long", '["a".repeat(256)]', "at most 255 bytes"],
    ["a pattern with too many wildcards", '["*.".repeat(17) + "a"]', "at most 16 wildcards"],
  ])("that are %s is refused in one line", async (name, topics, reason) => {
    const path = fileOf(`bad ${name}.ts`, [`export const topics = ${topics};`, "export default () => {};"]);
    expect(await refusalOf(path)).toInclude(reason);
  });
});

describe("is refused in one line:", () => {
  test("a file that is not there", async () => {
    const path = join(folder, "missing.ts");
    expect(await refusalOf(path)).toBe(`handler ${path}: there is no such file; correct --handler`);
  });

  test("a folder", async () => {
    const path = join(folder, "folder.ts");
    mkdirSync(path);
    expect(await refusalOf(path)).toBe(`handler ${path}: it is no file; correct --handler`);
  });

  test("a syntax error, with its line", async () => {
    const path = fileOf("syntax.ts", ["const fine = 1;", "", "export default (message => {", ""]);
    expect(await refusalOf(path)).toMatch(pattern(path, /:[34]: \S/));
  });

  test("several syntax errors, with the first one's line", async () => {
    const path = fileOf("syntaxes.ts", [
      "const one = 1;",
      "const one = 2;",
      "const one = 3;",
      "export default 1",
    ]);
    const message = await refusalOf(path);
    expect(message).toMatch(pattern(path, /:2: /));
    expect(message).toInclude("one");
  });

  test("a syntax error in a module that it imports, with that module's name and line", async () => {
    const other = fileOf("broken-neighbour.ts", ["export const fine = 1;", "export const = 2;"]);
    const path = fileOf("trusting.ts", [
      "",
      "",
      "",
      "import './broken-neighbour.ts';",
      "export default () => 1;",
    ]);
    const message = await refusalOf(path);
    expect(message).toInclude(path);
    expect(message).toInclude(`${other}:2`);
  });

  test("a module that it imports and is not there, with the line of the import", async () => {
    const path = fileOf("lonely.ts", ["", "import './nobody.ts';", "export default () => 1;"]);
    const message = await refusalOf(path);
    expect(message).toMatch(pattern(path, /(:2)?: .*nobody\.ts/));
  });

  test("what throws while it is loaded, with the line", async () => {
    const path = fileOf("throws.ts", [
      "export default () => 1;",
      "const secret: string | undefined = undefined;",
      "if (secret === undefined) throw new Error('set MY_SECRET\\n first');",
    ]);
    expect(await refusalOf(path)).toBe(`handler ${path}:3: set MY_SECRET first`);
  });

  test("what throws in a module that it imports, with that module's name and line", async () => {
    const other = fileOf("throwing-neighbour.ts", ["", "throw new Error('not today');"]);
    const path = fileOf("unlucky.ts", ["import './throwing-neighbour.ts';", "export default () => 1;"]);
    expect(await refusalOf(path)).toBe(`handler ${path}, in ${other}:2: not today`);
  });

  test("what calls what throws, with its own line", async () => {
    fileOf("thrower.ts", ["export function fail() {", "  throw new Error('as asked');", "}"]);
    const path = fileOf("caller.ts", [
      "import { fail } from './thrower.ts';",
      "",
      "fail();",
      "export default 1;",
    ]);
    expect(await refusalOf(path)).toBe(`handler ${path}:3: as asked`);
  });

  test("what throws something other than an error", async () => {
    const path = fileOf("throws-text.ts", ["throw 'just a text';"]);
    expect(await refusalOf(path)).toBe(`handler ${path}: just a text`);
  });

  test("what throws something that throws when it is asked", async () => {
    const path = fileOf("throws-proxy.ts", [
      "const no = () => { throw new Error('no'); };",
      "throw new Proxy({}, { get: no, has: no, getPrototypeOf: no });",
    ]);
    expect(await refusalOf(path)).toBe(`handler ${path}: something was thrown that has no text`);
  });

  test.each(["connected", "disconnected"])("a module whose %s is no function", async (name) => {
    const path = fileOf(`${name}.ts`, ["export default () => undefined;", `export const ${name} = 7;`]);
    expect(await refusalOf(path)).toBe(
      `handler ${path}: its ${name} is no function; write: export function ${name}(event) { … }`,
    );
  });

  test.each([
    ["no exports", []],
    ["only a named function", ["export function handle() {}"]],
    ["a default that is an object", ["export default { handle() {} };"]],
    ["a default that is a text", ["export default 'text';"]],
    ["a default that is undefined", ["export default undefined;"]],
  ])("a module with %s", async (what, lines) => {
    const path = fileOf(`${what}.ts`, lines);
    expect(await refusalOf(path)).toBe(
      `handler ${path}: it has no default function; write: export default (message) => …`,
    );
  });
});

/** The message of a module, and what comes behind its path. */
function pattern(path: string, rest: RegExp): RegExp {
  return new RegExp(`^handler ${RegExp.escape(path)}${rest.source}`);
}
