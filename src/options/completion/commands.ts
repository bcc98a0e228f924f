/** Shells that Warren completes its command line in. */
export const shells = ["bash", "zsh", "fish"] as const;
/** One of these shells. */
export type Shell = (typeof shells)[number];

/** Words that may come first, with what they do. */
export const commands: Readonly<Record<string, string>> = {
  manager: "WebSocket clients, in front of RabbitMQ",
  processor: "run a handler on each message",
  bench: "load a manager and measure",
  "dead-letters": "look at what failed, and put it back",
  groups: "list processor groups, and remove them",
  completion: "print a script that completes this command line in a shell",
  manual: "print the manual page",
  help: "print all options",
  version: "print the version",
};

/** A command with actions and flags of its own, such as `warren groups`. */
export interface CommandUsage {
  /** The command's name on the command line. */
  readonly name: string;
  /** What can be done, by the word after the command. */
  readonly actions: readonly string[];
  /** Its flags by their names without dashes, in the form that `parseArgs` takes. */
  readonly flags: Readonly<Record<string, { readonly type: "boolean" | "string" }>>;
  /** What its `--help` prints. */
  readonly help: string;
}
