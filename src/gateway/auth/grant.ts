import { everything, type Permissions } from "./permissions.ts";

/** What a client is called, what it may do, and until when. */
export interface Grant {
  /** The client id that it has; undefined where there are no tokens, and any will do. */
  readonly user: string | undefined;
  readonly permissions: Permissions;
  /** When its token was issued, in milliseconds since 1970; undefined if that does not say. */
  readonly issuedAtMs?: number | undefined;
  /** When it ends, in milliseconds since 1970; `Infinity` if it does not. */
  readonly expiresAtMs: number;
}

/** Without `--auth`. */
export const unlimited: Grant = {
  user: undefined,
  permissions: everything,
  expiresAtMs: Number.POSITIVE_INFINITY,
};
