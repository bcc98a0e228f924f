/**
 * Checks of a handshake that Bun does not make: Bun requires a key and the right version, and accepts any Host and Connection.
 */

/** The URL of a request; undefined if its Host does not name exactly one host, as it must (RFC 9112, section 3.2). */
export function urlOf({ headers, url }: Request): URL | undefined {
  // Several Host headers arrive as one with commas. One that is no host is left out of the URL.
  if (headers.get("host")?.includes(",")) return undefined;
  return URL.parse(url) ?? undefined;
}

/** Whether `Connection` contains `Upgrade`. If it does not, a proxy has passed on a header that it did not understand. */
export function asksForUpgrade({ headers }: Request): boolean {
  return /(?:^|,)\s*upgrade\s*(?:,|$)/i.test(headers.get("connection") ?? "");
}
