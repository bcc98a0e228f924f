/**
 * A message's headers and properties as HTTP headers, each as `warren-NAME`. HTTP takes few characters: all others are
 * percent-encoded, and `%` too, so that `decodeURIComponent` gives each value back.
 */

/** How the names of HTTP headers begin that are a message's own headers. */
export const headerPrefix = "warren-";

/** The name of the HTTP header for a message's header. */
export function safeName(name: string): string {
  return `${headerPrefix}${percentEncoded(name, /[^A-Za-z0-9!#$&'*+.^_`|~-]/gu)}`;
}

/** A value as an HTTP header can carry it: percent-encoded where it has to be. */
export function safeValue(value: string): string {
  // Spaces at either end would be cut off.
  return percentEncoded(value, /[^\x21-\x24\x26-\x7e ]|^ +| +$/gu);
}

/** What `safeName` or `safeValue` was made of; as it is, if it is not percent-encoded. */
export function plainText(safe: string): string {
  if (!safe.includes("%")) return safe;
  try {
    return decodeURIComponent(safe);
  } catch {
    return safe;
  }
}

function percentEncoded(text: string, others: RegExp): string {
  return text.toWellFormed().replaceAll(others, (found) => {
    let bytes = "";
    for (const byte of Buffer.from(found)) bytes += `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    return bytes;
  });
}
