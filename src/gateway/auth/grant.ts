import { everything, type Permissions } from "./permissions.ts";

/** A client's id and rights, and until when they are valid. */
export interface Grant {
  /** The client id; undefined without tokens, so that any id may be used. */
  readonly user: string | undefined;
  readonly permissions: Permissions;
  /** When the token was issued, in milliseconds since 1970; undefined if it does not say. */
  readonly issuedAtMs?: number | undefined;
  /** When the grant ends, in milliseconds since 1970; `Infinity` if it does not. */
  readonly expiresAtMs: number;
}

/** The grant of every client without `--auth`. */
export const unlimited: Grant = {
  user: undefined,
  permissions: everything,
  expiresAtMs: Number.POSITIVE_INFINITY,
};
