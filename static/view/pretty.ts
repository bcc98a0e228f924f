/** Deeper levels are not indented further. Otherwise mere nesting would fill the screen and the memory with spaces. */
const indentedMax = 24;

/** A token of JSON: a string, a punctuation mark, or a number, `true`, `false` or `null`. */
const tokens = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** Formats JSON over several lines. Values stay as they were written: long numbers, escapes, repeated keys. */
export function pretty(text: string): string {
  if (!/^\s*[[{]/.test(text) || !isJson(text)) return text;
  const parts: string[] = [];
  let depth = 0;
  let before = "";
  const newLine = () => parts.push("\n", "  ".repeat(Math.min(depth, indentedMax)));
  for (const [token] of text.matchAll(tokens)) {
    const closes = token === "}" || token === "]";
    if (closes) depth -= 1;
    // An empty array or object stays on its line.
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
