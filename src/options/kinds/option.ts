import type { Kind } from "./kinds.ts";

/** What a process can be. */
export const roles = ["all", "manager", "processor", "bench"] as const;
/** What a process is. */
export type Role = (typeof roles)[number];

/** All roles. */
export const every = roles;
/** The roles that serve until they are stopped. */
export const serving = ["all", "manager", "processor"] as const;
/** The roles with a manager. */
export const managing = ["all", "manager"] as const;
/** The roles with a processor. */
export const processing = ["all", "processor"] as const;

/** An option: a flag and an environment variable. Its key in the table names both. */
export interface Option<T> {
  /** The kind of its value. */
  readonly kind: Kind<T>;
  /** The value if neither the flag nor the variable is given; `undefined` means what `unset` says. */
  readonly default: T | undefined;
  /** What `--help` prints as the default if there is no fixed one. */
  readonly unset?: string;
  /** The roles that it matters for. For another role, a flag is a usage error and a variable is ignored. */
  readonly roles: readonly Role[];
  /** One line for `--help` and docs/options.md. */
  readonly meaning: string;
}

/** `T` follows from the kind, so that the default cannot widen it. */
export function option<T>(
  kind: Kind<T>,
  fallback: NoInfer<T>,
  of: readonly Role[],
  meaning: string,
): Option<T> & { readonly default: T } {
  return { kind, default: fallback, roles: of, meaning };
}

/** An option without a default. @param unset what applies then, in words for `--help` */
export function optional<T>(kind: Kind<T>, unset: string, of: readonly Role[], meaning: string): Option<T> {
  return { kind, default: undefined, unset, roles: of, meaning };
}
