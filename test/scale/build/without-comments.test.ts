import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectFolder } from "../../../build/compile.ts";
import { withoutComments } from "../../../build/without-comments.ts";

const modules = ["src", "static"].flatMap((folder) =>
  [...new Bun.Glob("**/*.ts").scanSync(join(projectFolder, folder))].map((path) => ({
    path: join(folder, path),
    source: readFileSync(join(projectFolder, folder, path), "utf8"),
  })),
);

test("each module of ours means the same without its comments, and has none left", () => {
  const transpiler = new Bun.Transpiler({ loader: "ts", target: "bun" });
  expect(modules.length).toBeGreaterThan(500);
  for (const { path, source } of modules) {
    const bare = withoutComments(source);
    expect({ path, code: transpiler.transformSync(bare) }).toEqual({
      path,
      code: transpiler.transformSync(source),
    });
    expect({ path, comments: bare.match(/^\s*(?:\/\/|\/\*).*/gm) }).toEqual({ path, comments: null });
  }
});

test("all code stays at its line and column", () => {
  for (const { path, source } of modules) {
    const lines = source.split("\n");
    const moved = withoutComments(source)
      .split("\n")
      .filter((line, at) =>
        line.split("").some((one, column) => one !== " " && one !== lines[at]!.charAt(column)),
      );
    expect({ path, moved }).toEqual({ path, moved: [] });
  }
});

test.each([
  ["a line of its own", "a();\n  // one\nb();", "a();\n\nb();"],
  ["one after code", "a(); // one\nb();", "a();\nb();"],
  ["one within a line", "a(/* one */ b);", "a(          b);"],
  ["one of several lines, with code after it", "a(); /* one\n two */ b();", "a();\n        b();"],
  ["one at the end", "a();\n/** one */", "a();\n"],
  ["what a text holds", `a("// no", '/* no */', "\\"// no");`, undefined],
  [
    "what a template holds, and what is written into it",
    `a(\`// no \${b(\`/* no */\`, { c })} // no\`);`,
    undefined,
  ],
  ["one within a template's expression", `a(\`\${b /* one */}\`);`, `a(\`\${b          }\`);`],
  ["what a regular expression holds", 'a(/[/*]\\//, b => /\\/\\/ no/.test(b), c ? /"/ : 1);', undefined],
  ["what follows a keyword", "return /'/.test(a); // one", "return /'/.test(a);"],
  ["a division", "a = b / c; // one / two\nd = e[0] / 2 / (f) / 3;", "a = b / c;\nd = e[0] / 2 / (f) / 3;"],
  ["what is for the bundler", "a = /* @__PURE__ */ b();", undefined],
  ["a licence", "/*! MIT */\na();", undefined],
])("%s", (_, source, bare) => {
  expect(withoutComments(source)).toBe(bare ?? source);
});
