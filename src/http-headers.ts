/**
 * A message's headers and properties as HTTP headers, each named `warren-NAME`. HTTP allows few characters, so all others are
 * percent-encoded, and `%` too: `decodeURIComponent` restores each value.
 */

/** The prefix of HTTP headers that are a message's own headers. */
export const headerPrefix = "warren-";

/** The name of the HTTP header for a message's header. */
export function safeName(name: string): string {
  return `${headerPrefix}${percentEncoded(name, /[^A-Za-z0-9!#$&'*+.^_`|~-]/gu)}`;
}

/** A value as an HTTP header can carry it: percent-encoded where it has to be. */
export function safeValue(value: string): string {
  // Spaces at either end would be lost.
  return percentEncoded(value, /[^\x21-\x24\x26-\x7e ]|^ +| +$/gu);
}

/** A content type as an HTTP header has it, not encoded; undefined if HTTP cannot carry it: one of AMQP's may have any characters. */
export function typeIn(contentType: string | undefined): string | undefined {
  return contentType !== undefined && /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(contentType)
    ? contentType
    : undefined;
}

/** The inverse of `safeName` and `safeValue`; text that is not percent-encoded is returned as it is. */
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
