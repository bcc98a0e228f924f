/** Levels further in are not moved further to the right: nothing but nesting would fill the screen, and the memory, with spaces. */
const indentedMax = 24;

/** A string, a mark, or anything else up to the next of these: a number, `true`, `false`, `null`. */
const tokens = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** JSON over several lines, which is easier to read. Its values stay as they were written: long numbers, escapes, keys that come twice. */
export function pretty(text: string): string {
  if (!/^\s*[[{]/.test(text) || !isJson(text)) return text;
  const parts: string[] = [];
  let depth = 0;
  let before = "";
  const newLine = () => parts.push("\n", "  ".repeat(Math.min(depth, indentedMax)));
  for (const [token] of text.matchAll(tokens)) {
    const closes = token === "}" || token === "]";
    if (closes) depth -= 1;
    // What is empty stays on its line.
    const isFirst = before === "{" || before === "[";
    if (before === "," || isFirst !== closes) newLine();
    parts.push(token === ":" ? ": " : token);
    if (token === "{" || token === "[") depth += 1;
    before = token;
  }
  return parts.join("");
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
