/** How a reader listens. */
export interface Listening {
  /** Plain text joins one topic; STOMP subscribes to a pattern, live or durably. */
  readonly how: "text" | "live" | "durable";
  readonly topic: string;
  /** Durable ones begin with the log's first message instead of with what comes next. */
  readonly isFromFirst?: boolean;
}

export interface ManagerAddress {
  readonly name: string;
  /** For WebSockets, without a path. */
  readonly url: string;
}

/** The value of a header in a STOMP frame's head. */
export function headerOf(head: string, name: string): string | undefined {
  const at = head.indexOf(`\n${name}:`);
  if (at < 0) return undefined;
  const from = at + name.length + 2;
  const end = head.indexOf("\n", from);
  return head.slice(from, end < 0 ? undefined : end);
}
