/**
 * Whether a browser may connect from a page of this origin. Without the check any page that somebody visits could speak to
 * a manager on their machine or in their network (RFC 6455, section 10.2). What is no browser sends no Origin and passes.
 *
 * @param origin the header as the browser sent it; "null" for pages without an origin of their own
 * @param host the header Host, which the page's own origin has too
 * @param allowed further origins, exact; `*` is all of them, `null` those without one
 */
export function isAllowedOrigin(
  origin: string | null,
  host: string | null,
  allowed: readonly string[],
): boolean {
  if (origin === null || allowed.includes("*") || allowed.includes(origin)) return true;
  return URL.parse(origin)?.host === host?.toLowerCase();
}
