import type { BunPlugin } from "bun";

const comment = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y;
const text = /"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*'/y;
const regularExpression = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y;
/** A template after its beginning, or after an expression in it, up to its end or the next expression. */
const restOfTemplate = /(?:\\[\s\S]|\$(?!\{)|[^`\\$])*(?:`|\$\{)/y;

/** A slash after one of these begins a regular expression; after anything else it divides. */
const beforeValue =
  /(?:^|[(,=:[!&|?{};+\-*%^~<>]|(?:^|[^\w$.])(?:return|typeof|case|in|of|delete|void|throw|new|else|do|await|yield))$/;
/** What the bundler reads, or what a licence asks to keep. */
const isForOthers = /[@#]__|@license|@preserve|^\/\*!|sourceMappingURL/;

/**
 * A module of TypeScript without its comments. All code stays at its line and column, so that stack traces name the same places as with
 * them. JSX is not understood.
 */
export function withoutComments(source: string): string {
  let out = "";
  let at = 0;
  /** What the open braces belong to. */
  const braces: ("block" | "template")[] = [];
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    return pattern.exec(source)?.[0] ?? "";
  };
  while (at < source.length) {
    const next = source[at]!;
    const found = next === "/" ? take(comment) : "";
    if (found !== "" && !isForOthers.test(found)) {
      at += found.length;
      out = withoutEnd(out, found, /^[^\S\n]*(?:\n|$)/.test(source.slice(at, at + 200)));
      continue;
    }
    let token = found || next;
    if (next === '"' || next === "'") token = take(text);
    else if (next === "/" && found === "" && beforeValue.test(out.slice(-200).trimEnd()))
      token = take(regularExpression) || next;
    else if (next === "{") braces.push("block");
    else if (next === "`" || (next === "}" && braces.pop() === "template")) {
      at++;
      token = next + take(restOfTemplate);
      at--;
      if (token.endsWith("${")) braces.push("template");
    }
    out += token || next;
    at += (token || next).length;
  }
  return out;
}

/** @param isLast whether nothing follows on the comment's last line */
function withoutEnd(out: string, found: string, isLast: boolean): string {
  const lines = found.split("\n");
  const before = isLast || lines.length > 1 ? out.replace(/[^\S\n]+$/, "") : out;
  return before + "\n".repeat(lines.length - 1) + (isLast ? "" : " ".repeat(lines.at(-1)!.length));
}

/**
 * Has the bundler read our modules without their comments: the source map, which travels in the executable, holds what it has read. A
 * stack trace needs names, lines and columns alone. So prose makes no executable larger.
 */
export const commentsLeftOut: BunPlugin = {
  name: "comments left out",
  setup(build) {
    // The types of handlers are printed as they are written.
    build.onLoad({ filter: /[\\/](?:src|static)[\\/].*(?<!handler-types)\.ts$/ }, async ({ path }) => ({
      contents: withoutComments(await Bun.file(path).text()),
      loader: "ts",
    }));
  },
};
