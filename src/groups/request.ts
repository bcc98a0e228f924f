import { UsageError } from "../errors.ts";
import { groupNameFault } from "../group-name.ts";
import { brokerArgsOf } from "../options/broker-args.ts";
import { actionOf, ageIn, commandArgs, usageOf } from "../options/command-args.ts";

/** What `warren groups --help` prints. */
export const help = `Each processor group has a queue in RabbitMQ, which keeps what is published
for it also while no processor of it runs: until it is full, and publishers wait.

  warren groups list [NAME…]            consumers, messages, and when a processor
                                        was last seen
  warren groups remove NAME…            delete their queues, with what is in them
  warren groups remove --abandoned      those without a processor for 15 minutes

How:
  --abandoned          list and remove those that nobody consumes any more
  --unused-for TIME    those that nobody has consumed for longer: 2h, 30d
  --dry-run            remove says what it would do, and does nothing
  --json               list prints one JSON object a line

A group that has a consumer is never removed: stop its processors first.
Managers and processors record which groups there are. A group whose processors
were all of a version that did not is found by its NAME alone.

Where: --broker URL and its companions (--broker-password-file, --broker-ca,
--broker-cert, --broker-key), as for every role, or WARREN_BROKER.

Exit codes: 0 done, 1 it could not be done, 2 a usage error.
`;

const flags = {
  abandoned: { type: "boolean" },
  "unused-for": { type: "string", multiple: true },
} as const;

/** What can be done with groups. */
export const actions = ["list", "remove"] as const;

/** How the command is used. */
export const usage = usageOf("groups", actions, flags, help);

/** What the command line asks for. */
export interface Request {
  /** What is done with the groups. */
  readonly action: (typeof actions)[number];
  /** None: all that are known. */
  readonly names: readonly string[];
  /** Only groups that nobody has consumed for this long, in milliseconds; undefined: all groups. */
  readonly unusedForMs: number | undefined;
  /** Whether it only says what it would remove. */
  readonly isDryRun: boolean;
  /** JSON objects instead of a table. */
  readonly isJson: boolean;
  /** The flags for the connection to RabbitMQ. */
  readonly brokerArgs: readonly string[];
}

/**
 * Parses the arguments after `groups`.
 *
 * @param abandonedAfterMs the time that `--abandoned` stands for, in milliseconds
 * @throws UsageError
 */
export function requestOf(args: readonly string[], abandonedAfterMs: number): Request | "help" {
  const { values, positionals } = commandArgs("groups", args, flags);
  if (values.help === true || args.length === 0 || positionals[0] === "help") return "help";
  const [word, ...names] = positionals;
  const action = actionOf("groups", word, actions);
  for (const name of names) {
    const fault = groupNameFault(name);
    if (fault !== undefined) throw new UsageError(`groups ${action} ${JSON.stringify(name)}: ${fault}`);
  }
  const unusedFor = values["unused-for"]?.at(-1);
  const isNarrow = unusedFor !== undefined || values.abandoned === true;
  if (action === "remove" && names.length === 0 && !isNarrow)
    throw new UsageError(
      "groups remove deletes queues for good: say which (NAME…), or --abandoned, or --unused-for TIME",
    );
  return {
    action,
    names: [...new Set(names)],
    unusedForMs:
      unusedFor === undefined ? (isNarrow ? abandonedAfterMs : undefined) : ageIn("--unused-for", unusedFor),
    isDryRun: values["dry-run"] === true,
    isJson: values.json === true,
    brokerArgs: brokerArgsOf(values),
  };
}
