/** A processor group as RabbitMQ has it. */
export interface Group {
  /** Its name, as `--group` has it. */
  readonly name: string;
  /** How many consumers its queue has, together with its queue for clients' events if there is one. */
  readonly consumers: number;
  /** How many messages wait in its queue. */
  readonly messages: number;
  /** How many events of clients wait for it; undefined if its handler wants none. */
  readonly events: number | undefined;
  /** When one of its processors was last known to run, in milliseconds since 1970: now, if there is one. Undefined if that is unknown. */
  readonly seenMs: number | undefined;
}

/**
 * Whether nobody has consumed it for this long. If it is unknown when it was last consumed, it counts as unused.
 *
 * @param nowMs milliseconds since 1970
 */
export function isUnusedFor({ consumers, seenMs }: Group, ms: number, nowMs: number): boolean {
  return consumers === 0 && (seenMs === undefined || nowMs - seenMs >= ms);
}

const columns = [
  ["GROUP", 24],
  ["CONSUMERS", 9],
  ["MESSAGES", 9],
  ["EVENTS", 7],
  ["LAST SEEN", 9],
] as const;

/** The head of the table of groups, without its line end. */
export const tableHead = columns
  .map(([title, width]) => title.padEnd(width))
  .join("  ")
  .trimEnd();

/** One line of the table. */
export function rowOf(group: Group, isAbandoned: boolean, nowMs: number): string {
  const { name, consumers, messages, events, seenMs } = group;
  const seen =
    consumers > 0 ? "now" : seenMs === undefined ? "?" : `${spanOf(Math.max(0, nowMs - seenMs))} ago`;
  const cells = [name, consumers, messages, events ?? "-", seen].map((cell, index) =>
    String(cell).padEnd(columns[index]![1]),
  );
  return [...cells, isAbandoned ? "abandoned" : ""].join("  ").trimEnd();
}

/** One JSON object, on one line. */
export function jsonOf({ name, seenMs, ...rest }: Group, isAbandoned: boolean): string {
  const seen = seenMs === undefined ? undefined : new Date(seenMs).toISOString();
  return JSON.stringify({ group: name, ...rest, seen, abandoned: isAbandoned });
}

function spanOf(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)}h`;
  return `${Math.round(seconds / 86_400)}d`;
}
