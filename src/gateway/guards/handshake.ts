/**
 * What Bun does not look at in a handshake: it wants a key and the right version, and takes any Host and Connection.
 */

/** Where a request goes; undefined if it does not name one host, as it has to (RFC 9112, section 3.2). */
export function urlOf({ headers, url }: Request): URL | undefined {
  // Several Host headers come as one with commas, and one that is not a host is left out of the URL.
  if (headers.get("host")?.includes(",")) return undefined;
  return URL.parse(url) ?? undefined;
}

/** Whether `Connection` has `Upgrade` among its words: without, a proxy has passed on what it did not understand. */
export function asksForUpgrade({ headers }: Request): boolean {
  return /(?:^|,)\s*upgrade\s*(?:,|$)/i.test(headers.get("connection") ?? "");
}
