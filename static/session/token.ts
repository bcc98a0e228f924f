/**
 * The token that the page's address carries, as `#token=…` or `?token=…`, to be shown to the manager. It is kept nowhere. A
 * fragment does not reach any server's log, so it is the better place.
 */
export function tokenOfPage(page: string): string | undefined {
  const { hash, searchParams } = new URL(page);
  const token = new URLSearchParams(hash.slice(1)).get("token") ?? searchParams.get("token") ?? "";
  // CONNECT's headers know no escapes, so a line break would begin another header.
  return token === "" || /\p{Cc}/u.test(token) ? undefined : token;
}
