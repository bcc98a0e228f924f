import type { Role } from "../kinds/option.ts";

/** A flag as a shell completes it. */
export interface Flag {
  /** The flag, with its dashes. */
  readonly flag: string;
  /** Its meaning, in one line; empty if the command's help tells it. */
  readonly meaning: string;
  /** Its values, if there are only few. */
  readonly values: readonly string[];
  /** Whether its value is the path of a file. */
  readonly takesFile: boolean;
  /** Whether it has a value. */
  readonly takesValue: boolean;
}

/** Everything that can be completed. */
export interface CommandLine {
  /** Words that may come first, with what they do. */
  readonly commands: Readonly<Record<string, string>>;
  /** The flags of roles, each with the roles that have it. */
  readonly ofRoles: readonly (Flag & { readonly roles: readonly Role[] })[];
  /** All roles. */
  readonly roles: readonly Role[];
  /** Commands with actions and flags of their own. */
  readonly withActions: readonly {
    readonly name: string;
    readonly actions: readonly string[];
    readonly flags: readonly Flag[];
  }[];
}
