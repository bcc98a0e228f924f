import { everything, type Permissions } from "./permissions.ts";

/** As whom a client is connected, what it may do, and until when. */
export interface Grant {
  /** The client id that it has; undefined where there are no tokens, and any will do. */
  readonly user: string | undefined;
  readonly permissions: Permissions;
  /** In milliseconds since 1970; `Infinity` if it does not end. */
  readonly expiresAtMs: number;
}

/** Without `--auth`. */
export const unlimited: Grant = {
  user: undefined,
  permissions: everything,
  expiresAtMs: Number.POSITIVE_INFINITY,
};
