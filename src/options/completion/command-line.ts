import type { Role } from "../kinds/option.ts";

/** A flag as a shell completes it. */
export interface Flag {
  /** The flag, with its dashes. */
  readonly flag: string;
  /** What it means, in one line; empty where a command's help says it. */
  readonly meaning: string;
  /** The values there are, where they are few. */
  readonly values: readonly string[];
  /** Its value is the path of a file. */
  readonly takesFile: boolean;
  /** It is not given alone. */
  readonly takesValue: boolean;
}

/** All that can be completed. */
export interface CommandLine {
  /** Words that may come first, with what they do. */
  readonly commands: Readonly<Record<string, string>>;
  /** Each with the roles that take it. */
  readonly ofRoles: readonly (Flag & { readonly roles: readonly Role[] })[];
  /** Those that a process can have. */
  readonly roles: readonly Role[];
  /** Commands with actions and flags of their own. */
  readonly withActions: readonly {
    readonly name: string;
    readonly actions: readonly string[];
    readonly flags: readonly Flag[];
  }[];
}
