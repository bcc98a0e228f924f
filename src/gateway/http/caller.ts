import type { Server } from "bun";
import { keyHeader } from "../../envelope/idempotency-key.ts";
import { clientIdRule, isClientId, isName } from "../../message.ts";
import type { Query } from "../../query.ts";
import { isPattern } from "../../topics/pattern.ts";
import { closeCodes } from "../../wire/close-codes.ts";
import { tokenIn } from "../auth/bearer.ts";
import { type Grant, unlimited } from "../auth/grant.ts";
import { missing, TokenRefusal } from "../auth/token-refusal.ts";
import type { Client } from "../clients/client.ts";
import { anonymousId } from "../fan-out/key-shares.ts";
import type { DoorSurroundings } from "../protocol/protocol.ts";
import { fault } from "./answers.ts";

/** A request, with what is known before its token is checked. */
export interface Asked {
  readonly request: Request;
  /** The server that it came to. */
  readonly server: Server<Client>;
  readonly query: Query;
  /** The name in its path, decoded: a topic, a pattern or an app. */
  readonly name: string;
}

/** The client that asks, and its rights. */
export interface Caller {
  /** The client id. */
  readonly id: string;
  readonly grant: Grant;
}

/** The name after a path's first word, or the answer to a request whose path has no valid name. */
export function nameIn(path: string, prefix: string): string | Response {
  // The server chose this route by the path as it was written; the URL's path has taken its steps, as of /topics/../app/a.
  if (!path.startsWith(prefix))
    return fault(400, "the path leads elsewhere: leave out its parts . and .., which cannot be names here");
  const rest = path.slice(prefix.length);
  if (rest.includes("/")) return fault(400, "a / in a name has to be percent-encoded: write %2F");
  let name: string;
  try {
    name = decodeURIComponent(rest);
  } catch {
    return fault(400, "the path is not percent-encoded UTF-8");
  }
  if (isName(name)) return name;
  return fault(400, "a name has at most 255 bytes and no control characters");
}

/** Undefined if the name is a topic; the answer if it is a pattern. */
export function isNoPattern(name: string): Response | undefined {
  return isPattern(name) ? fault(400, "this is a pattern: send to one topic, without * and #") : undefined;
}

/** Finds out who asks, by the token if one is needed. Returns the answer if the request is refused. */
export async function callerOf(
  { request, query }: Asked,
  { auth, refusals, entrance }: DoorSurroundings,
): Promise<Caller | Response> {
  const asked = query.get("client");
  if (asked !== undefined && !isClientId(asked)) return refusals.refuse("invalid", clientIdRule, true);
  const refuse = ({ kind, name, why }: TokenRefusal) => {
    auth?.refusals.add(kind);
    return refusals.refuse(name, why, true);
  };
  let grant: Grant | TokenRefusal = unlimited;
  if (auth !== undefined) {
    const token = tokenIn(request.headers.get("authorization"), query);
    if (token instanceof TokenRefusal) return refuse(token);
    grant = token === undefined ? missing : await auth.verify(token);
    if (grant instanceof TokenRefusal) return refuse(grant);
    // The manager may have begun to stop while the token was checked.
    if (entrance.isClosed) return refusals.refuse("stopping", undefined, true);
  }
  if (grant.user !== undefined && asked !== undefined && asked !== grant.user)
    return refuse(new TokenRefusal("clientId", "?client= is not the token's sub: leave it out"));
  const key = request.headers.get(keyHeader);
  return { id: grant.user ?? asked ?? (key === null ? crypto.randomUUID() : anonymousId(key)), grant };
}

/** How a token has ended since it was checked. */
export type TokenEnd = "expired" | "revoked";

/** How a caller's token has ended since it was checked; undefined if it has not. */
export function endOf({ grant }: Caller, { auth }: DoorSurroundings): TokenEnd | undefined {
  const { user, issuedAtMs, expiresAtMs } = grant;
  if (expiresAtMs <= Date.now()) return "expired";
  return user !== undefined && auth?.revoked(user, issuedAtMs) !== undefined ? "revoked" : undefined;
}

/** The answer to a caller whose token has ended since it was checked. */
export function tokenEnded(how: TokenEnd, { auth }: DoorSurroundings): Response {
  auth?.refusals.add(how);
  return fault(401, closeCodes.unauthenticated.reason);
}

/** The answer to a caller whose token does not allow this. */
export function forbidden(
  what: "publish" | "subscribe",
  why: string,
  { grant }: Caller,
  { auth, refusals }: DoorSurroundings,
): Response {
  auth?.refusals.add(what);
  return refusals.refuse("forbidden", `the token gives no right to ${why}${grant.permissions.note}`, true);
}
