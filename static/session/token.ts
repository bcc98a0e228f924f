/**
 * The token in the page's address, as `#token=…` or `?token=…`. It is kept in memory only. The fragment is the better place, since it
 * reaches no server's log.
 */
export function tokenOfPage(page: string): string | undefined {
  const { hash, searchParams } = new URL(page);
  return tokenFrom(new URLSearchParams(hash.slice(1)).get("token") ?? searchParams.get("token") ?? "");
}

/** The token in a pasted text; undefined if there is none. */
export function tokenFrom(text: string): string | undefined {
  const token = text.trim().replace(/^Bearer +/i, "");
  // The headers of CONNECT are not escaped, so a line break would start another header.
  return token === "" || /\p{Cc}/u.test(token) ? undefined : token;
}

/** The page's address without a token, for the browser's history, and to share. */
export function withoutToken(page: string): string {
  const url = new URL(page);
  url.searchParams.delete("token");
  const fragment = new URLSearchParams(url.hash.slice(1));
  if (fragment.has("token")) {
    fragment.delete("token");
    url.hash = fragment.toString();
  }
  return url.href.replace(/#$/, "");
}
