import { Query } from "../../query.ts";

/**
 * Checks of a handshake that Bun does not make: Bun requires a key and the right version, and accepts any Host and Connection.
 */

/** What a request asks for: its URL without the host. */
export interface Target {
  /** Still percent-encoded. */
  readonly path: string;
  readonly query: Query;
}

/** The target of a request; undefined if its Host does not name exactly one host, as it must (RFC 9112, section 3.2). */
export function targetOf({ headers, url }: Request): Target | undefined {
  // Several Host headers arrive as one with commas. One that is no host is left out of the URL.
  if (headers.get("host")?.includes(",") || !URL.canParse(url)) return undefined;
  // Bun has normalized the URL. To make another URL object of it would cost as much as the rest of a short request.
  const start = url.indexOf("/", url.indexOf("//") + 2);
  return { path: url.slice(start, endOfPath(url)), query: new Query(url) };
}

function endOfPath(url: string): number {
  const fragment = url.indexOf("#");
  const query = url.indexOf("?");
  const end = fragment < 0 ? url.length : fragment;
  return query < 0 || query > end ? end : query;
}

/** Whether `Connection` contains `Upgrade`. If it does not, a proxy has passed on a header that it did not understand. */
export function asksForUpgrade({ headers }: Request): boolean {
  return /(?:^|,)\s*upgrade\s*(?:,|$)/i.test(headers.get("connection") ?? "");
}
