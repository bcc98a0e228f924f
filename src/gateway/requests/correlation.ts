/** The part of a correlation id that marks a request without expiration. Other requests have a number there. */
export const lasting = "-";

/** What connects a request with its answers, as the client names it. */
export interface Thread {
  /** The destination of the answers: any text of the client's. */
  readonly replyTo: string;
  /** Undefined if the client gave none. */
  readonly correlationId: string | undefined;
}

/** The content of a correlation id over AMQP. */
export interface Correlation {
  /** The secret of the connection that asked. */
  readonly secret: string;
  /** Whether the client waits for the answer only for a limited time. */
  readonly hasExpiration: boolean;
  /** When it was asked, by `performance.now()` of its manager. */
  readonly askedMs: number;
  readonly thread: Thread;
}

/**
 * The correlation id of a request over AMQP. `correlationIn` parses it.
 *
 * @param prefix the asking connection's: the manager's name, a colon, and the secret
 * @param kind `lasting`, or what distinguishes a request with an expiration from others of the connection
 * @param askedMs by `performance.now()`: nothing else is kept of when it was asked
 */
export function idOf(
  prefix: string,
  kind: string,
  askedMs: number,
  { replyTo, correlationId = "" }: Thread,
): string {
  return `${prefix}:${kind}${Math.floor(askedMs * 10).toString(36)}.${replyTo.length}:${replyTo}${correlationId}`;
}

/** Parses a correlation id. Undefined if no manager can have made it. */
export function correlationIn(id: string): Correlation | undefined {
  const [, secret, kind, asked, length, rest] =
    /^[^:]*:[^:]*:([^:]{16}):(-|e\d+\.)([0-9a-z]{1,10})\.(\d{1,3}):(.*)$/s.exec(id) ??
    ([] as (string | undefined)[]);
  if (secret === undefined || asked === undefined || rest === undefined) return undefined;
  const at = Number(length);
  const thread = {
    replyTo: rest.slice(0, at),
    correlationId: rest.length === at ? undefined : rest.slice(at),
  };
  return { secret, hasExpiration: kind !== lasting, askedMs: Number.parseInt(asked, 36) / 10, thread };
}
