import { UsageError } from "../errors.ts";
import { brokerArgsOf } from "../options/broker-args.ts";
import { actionOf, ageIn, commandArgs, usageOf } from "../options/command-args.ts";
import { type Filter, isNarrow } from "./filter.ts";

/** What `warren dead-letters --help` prints. */
export const help = `What failed in every attempt lies in RabbitMQ's queue wsmanager.dead.

  warren dead-letters list              one line each, the oldest first
  warren dead-letters show [ID…]        with headers and body
  warren dead-letters replay            put back into the queue of the group that
                                        failed; nobody else hears it again
  warren dead-letters purge             delete for good

Which ones:
  --group NAME         those of this group
  --reason TEXT        those whose reason has this text in it
  --id ID              the message with this id; may be given several times
  --older-than TIME    those that died longer ago: 30s, 10m, 2h, 7d
  --newer-than TIME    those that died since
  --all                all of them: purge needs this or one of the above

How:
  --dry-run            replay and purge say what they would do, and do nothing
  --limit N            list and show print N at most (default: 100)
  --json               list and show print one JSON object a line

Where: --broker URL and its companions (--broker-password-file, --broker-ca,
--broker-cert, --broker-key), as for every role, or WARREN_BROKER.

Exit codes: 0 done, 1 it could not be done, 2 a usage error.
`;

const actions = ["list", "show", "replay", "purge"] as const;
/** What can be done with dead letters. */
export type Action = (typeof actions)[number];

/** What the command line asks for. */
export interface Request {
  readonly action: Action;
  readonly filter: Filter;
  /** Whether it only says what it would do. */
  readonly isDryRun: boolean;
  /** The most letters that it applies to. */
  readonly countMax: number;
  /** Whether it prints JSON. */
  readonly isJson: boolean;
  /** The flags for the connection to RabbitMQ. */
  readonly brokerArgs: readonly string[];
}

/** Whether it only shows letters. */
export function isReading({ action }: Pick<Request, "action">): boolean {
  return action === "list" || action === "show";
}

const texts = { type: "string", multiple: true } as const;
const flags = {
  all: { type: "boolean" },
  group: texts,
  reason: texts,
  id: texts,
  "older-than": texts,
  "newer-than": texts,
  limit: texts,
} as const;

/** How the command is used. */
export const usage = usageOf("dead-letters", actions, flags, help);

/**
 * Parses the arguments after `dead-letters`.
 *
 * @throws UsageError
 */
export function requestOf(args: readonly string[]): Request | "help" {
  const { values, positionals } = commandArgs("dead-letters", args, flags);
  if (values.help === true || args.length === 0 || positionals[0] === "help") return "help";
  const [word, ...ids] = positionals;
  const action = actionOf("dead-letters", word, actions);
  const named = [...ids, ...(values.id ?? [])];
  const filter = {
    group: last(values.group),
    reason: last(values.reason),
    ids: named.length === 0 ? undefined : named,
    olderThanMs: ageOf("--older-than", last(values["older-than"])),
    newerThanMs: ageOf("--newer-than", last(values["newer-than"])),
  };
  if (action === "purge" && !isNarrow(filter) && values.all !== true)
    throw new UsageError(
      "dead-letters purge deletes for good: say which (--group, --reason, --id, …), or --all",
    );
  const limit = last(values.limit) ?? "100";
  if (!/^[1-9]\d{0,8}$/.test(limit)) throw new UsageError(`--limit ${limit}: must be a whole number from 1`);
  return {
    action,
    filter,
    isDryRun: values["dry-run"] === true,
    countMax: Number(limit),
    isJson: values.json === true,
    brokerArgs: brokerArgsOf(values),
  };
}

function last(values: readonly string[] | undefined): string | undefined {
  return values?.at(-1);
}

/** @throws UsageError */
function ageOf(flag: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : ageIn(flag, text);
}
