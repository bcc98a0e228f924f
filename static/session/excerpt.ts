/** How many characters of a message the list shows. */
export const excerptCharsMax = 2_000;
/** How many lines of a message the list shows. */
export const excerptLinesMax = 30;
const hexBytesMax = 24;

/** The part of a text that the list keeps, since a message may be a megabyte, and the list has hundreds. */
export function excerpt(text: string): string {
  let end = Math.min(text.length, excerptCharsMax);
  for (let line = 1, at = 0; line <= excerptLinesMax; line++) {
    at = text.indexOf("\n", at) + 1;
    if (at === 0 || at > end) break;
    if (line === excerptLinesMax) end = at - 1;
  }
  if (end === text.length) return text;
  // Half a surrogate pair would be shown as a replacement character.
  if (/[\uD800-\uDBFF]/.test(text.charAt(end - 1))) end -= 1;
  return `${copied(text.slice(0, end))} … ${(text.length - end).toLocaleString("en")} more characters`;
}

/** The first bytes of a binary message: `00 ff 1b …`. */
export function hexPreview(bytes: Uint8Array): string {
  const shown = Array.from(bytes.subarray(0, hexBytesMax), (byte) => byte.toString(16).padStart(2, "0"));
  if (bytes.length > hexBytesMax) shown.push("…");
  return shown.join(" ");
}

/** A body as the list shows it. */
export function inWords(body: string | Uint8Array): string {
  return typeof body === "string" ? excerpt(body) : `${body.length} bytes: ${hexPreview(body)}`;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Copies a text. In browsers a part of a string refers to the whole string, so a thousand parts of 16 KB would keep a thousand messages of
 * a megabyte in memory. Half a character at the end becomes a replacement character.
 */
export function copied(text: string): string {
  return decoder.decode(encoder.encode(text));
}
