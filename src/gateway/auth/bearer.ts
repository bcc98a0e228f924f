import { TokenRefusal } from "./token-refusal.ts";

/**
 * The token that a handshake carries, undefined if it carries none. RFC 6750: in one way only, so that nobody who reads one
 * place is told something else than Warren.
 */
export function tokenIn(authorization: string | null, url: URL): string | undefined | TokenRefusal {
  const inQuery = url.searchParams.getAll("token");
  const inHeader = authorization === null ? undefined : bearer(authorization);
  if (inHeader instanceof TokenRefusal) return inHeader;
  if (inQuery.length + (inHeader === undefined ? 0 : 1) > 1)
    return new TokenRefusal(
      "ambiguous",
      "more than one token came: send one, in Authorization or in ?token=",
    );
  return inHeader ?? inQuery[0];
}

/** Other schemes, such as the Basic of a proxy in front, are not ours to judge. Several headers come as one, with commas. */
function bearer(authorization: string): string | undefined | TokenRefusal {
  if (!/(?:^|,)\s*Bearer(?:[\s,]|$)/i.test(authorization)) return undefined;
  const [, token] = /^Bearer +([^\s,]+) *$/i.exec(authorization) ?? [];
  return token ?? new TokenRefusal("malformed", "Authorization has to be: Bearer TOKEN");
}
