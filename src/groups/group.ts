/** A processor group as RabbitMQ has it. */
export interface Group {
  /** Its name, as `--group` has it. */
  readonly name: string;
  /** Consumers of its queue, and of that for the events of clients, if it has one. */
  readonly consumers: number;
  /** Messages that wait in its queue. */
  readonly messages: number;
  /** Events of clients that wait for it; undefined: its handler wants none. */
  readonly events: number | undefined;
  /** When a processor of it was last known to be there, in milliseconds since 1970: now, if it has one. Undefined if nothing tells. */
  readonly seenMs: number | undefined;
}

/**
 * Whether nobody has consumed it for this time. One of which nothing tells when it was is taken for one that was not.
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
