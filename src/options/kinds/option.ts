import type { Kind } from "./kinds.ts";

/** What a process can be. */
export const roles = ["all", "manager", "processor", "bench"] as const;
/** What a process is. */
export type Role = (typeof roles)[number];

/** The roles that most options are for. */
export const every = roles;
/** Those that serve until they are stopped. */
export const serving = ["all", "manager", "processor"] as const;
/** Those with a manager. */
export const managing = ["all", "manager"] as const;
/** Those with a processor. */
export const processing = ["all", "processor"] as const;

/** One option: a flag and an environment variable. The key in the table names both. */
export interface Option<T> {
  /** What it takes. */
  readonly kind: Kind<T>;
  /** Its value where neither the flag nor the variable is given; `undefined` stands for what `unset` says. */
  readonly default: T | undefined;
  /** What `--help` prints as the default where there is no fixed one. */
  readonly unset?: string;
  /** The roles that it means something to. A flag given to another role is a usage error; a variable is ignored. */
  readonly roles: readonly Role[];
  /** One line for `--help` and docs/options.md. */
  readonly meaning: string;
}

/** `T` is told by the kind, so that the default cannot widen it. */
export function option<T>(
  kind: Kind<T>,
  fallback: NoInfer<T>,
  of: readonly Role[],
  meaning: string,
): Option<T> & { readonly default: T } {
  return { kind, default: fallback, roles: of, meaning };
}

/** An option without a default. @param unset what holds without it, in words for `--help` */
export function optional<T>(kind: Kind<T>, unset: string, of: readonly Role[], meaning: string): Option<T> {
  return { kind, default: undefined, unset, roles: of, meaning };
}
