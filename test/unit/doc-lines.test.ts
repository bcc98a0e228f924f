import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Every name of an exported interface has a line that says what it is. */

const root = join(import.meta.dir, "../..");
const files = [...new Bun.Glob("{src,static}/**/*.ts").scanSync(root)].map((path) => ({
  path,
  lines: readFileSync(join(root, path), "utf8").split("\n"),
}));

interface Named {
  readonly path: string;
  readonly name: string;
  readonly isSaid: boolean;
}

/** The exported interfaces of a file, and the members of each. */
function namesIn({ path, lines }: (typeof files)[number]): Named[] {
  const names: Named[] = [];
  const add = (name: string, line: number, isSaid: boolean) =>
    names.push({ path, name, isSaid: isSaid || lines[line - 1]!.endsWith("*/") });
  for (let line = 0; line < lines.length; line++) {
    const [, found] = /^export interface (\w+)/.exec(lines[line]!) ?? [];
    if (found === undefined) continue;
    add(found, line, false);
    while (!/[{}]$/.test(lines[line]!)) line++;
    if (lines[line]!.endsWith("}")) continue;
    for (line++; lines[line] !== "}"; line++) {
      const [, member, type] =
        /^ {2}(?:readonly )?([\w$]+|\[\w+)(?:\??: (?:readonly )?([\w$]+))?/.exec(lines[line]!) ?? [];
      if (member !== undefined) add(`${found}.${member}`, line, isNamedAs(member, type));
    }
  }
  return names;
}

/** What is called like its type is what the type's line says: `logger: Logger`, `options: LinkOptions`. */
function isNamedAs(member: string, type = ""): boolean {
  const isType = /^[A-Z]/.test(type);
  const [one, other] = [member.toLowerCase(), type.toLowerCase()];
  return isType && (one.endsWith(other) || other.endsWith(one));
}

const names = files.flatMap(namesIn);
const exportOf = /^export (?:async |abstract )*(?:function\*?|class|interface|type|const) (\w+)/;

test("every exported interface, and each of its members, has a line that says what it is", () => {
  expect(names.length).toBeGreaterThan(1000);
  expect(names.filter(({ isSaid }) => !isSaid).map(({ path, name }) => `${path} ${name}`)).toEqual([]);
});

test("everything that a file in src/ or static/ exports has a line that says what it is", () => {
  const exported = files.flatMap(({ path, lines }) =>
    lines.flatMap((line, index) => {
      const [, name] = exportOf.exec(line) ?? [];
      return name === undefined ? [] : [{ path, name, isSaid: lines[index - 1]?.endsWith("*/") === true }];
    }),
  );
  expect(exported.length).toBeGreaterThan(1000);
  expect(exported.filter(({ isSaid }) => !isSaid).map(({ path, name }) => `${path} ${name}`)).toEqual([]);
});

/** The first lines of comments that begin with an "of" to which the reader has to guess the noun. */
function fragmentsIn(lines: readonly string[]): string[] {
  return lines.filter((line, index) => {
    const before = lines[index - 1] ?? "";
    const isContinued = /^\s*(?:\/\/|\*)/.test(line) && /^\s*(?:\/\/|\*)/.test(before);
    return !isContinued && /^\s*(?:\/\*\*?|\/\/|\*) (?:Of|Whose|As of|The same of|To be called)\b/.test(line);
  });
}

test('no comment leaves out the noun that it is about: none begins with an "of"', () => {
  expect(
    files.flatMap(({ path, lines }) => fragmentsIn(lines).map((line) => `${path} ${line.trim()}`)),
  ).toEqual([]);
});

test('a comment that begins with an "of" is found, and a line within one is none', () => {
  const lines = [
    "/** Of the last change. */",
    "let a = 1;",
    "/**",
    " * As of now.",
    " * Of this.",
    " */",
    "// It is",
    "// Of it.",
  ];
  expect(fragmentsIn(lines)).toEqual(["/** Of the last change. */", " * As of now."]);
});

test("a name without a line is found", () => {
  const lines = [
    "/** A thing. */",
    "export interface Thing {",
    "  readonly weight: number;",
    "  /** Said. */",
    "  lift(): void;",
    "  readonly logger: Logger;",
    "}",
    "export interface Other extends Thing {}",
  ];
  const found = namesIn({ path: "x.ts", lines });
  expect(found.map(({ name }) => name)).toEqual([
    "Thing",
    "Thing.weight",
    "Thing.lift",
    "Thing.logger",
    "Other",
  ]);
  expect(found.filter(({ isSaid }) => !isSaid).map(({ name }) => name)).toEqual(["Thing.weight", "Other"]);
});
