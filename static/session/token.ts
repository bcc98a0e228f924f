/**
 * The token that the page's address carries, as `#token=…` or `?token=…`, to be shown to the manager. It is kept in memory alone. A
 * fragment does not reach any server's log, so it is the better place.
 */
export function tokenOfPage(page: string): string | undefined {
  const { hash, searchParams } = new URL(page);
  return tokenFrom(new URLSearchParams(hash.slice(1)).get("token") ?? searchParams.get("token") ?? "");
}

/** The token that a person has pasted; undefined if there is none in it. */
export function tokenFrom(text: string): string | undefined {
  const token = text.trim().replace(/^Bearer +/i, "");
  // CONNECT's headers know no escapes, so a line break would begin another header.
  return token === "" || /\p{Cc}/u.test(token) ? undefined : token;
}

/** The page's address without a token: what the browser remembers, and what somebody copies to share. */
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
