import type { Query } from "../../query.ts";
import { TokenRefusal } from "./token-refusal.ts";

/**
 * The token of a handshake; undefined if there is none. RFC 6750 allows only one way at a time, so that software that reads just one place
 * never sees another token than Warren.
 */
export function tokenIn(authorization: string | null, query: Query): string | undefined | TokenRefusal {
  const inQuery = query.all("token");
  const inHeader = authorization === null ? undefined : bearer(authorization);
  if (inHeader instanceof TokenRefusal) return inHeader;
  if (inQuery.length + (inHeader === undefined ? 0 : 1) > 1)
    return new TokenRefusal(
      "ambiguous",
      "more than one token came: send one, in Authorization or in ?token=",
    );
  return inHeader ?? inQuery[0];
}

/** Ignores other schemes, such as a proxy's Basic. Several headers arrive as one, with commas. */
function bearer(authorization: string): string | undefined | TokenRefusal {
  if (!/(?:^|,)\s*Bearer(?:[\s,]|$)/i.test(authorization)) return undefined;
  const [, token] = /^Bearer +([^\s,]+) *$/i.exec(authorization) ?? [];
  return token ?? new TokenRefusal("malformed", "Authorization has to be: Bearer TOKEN");
}
