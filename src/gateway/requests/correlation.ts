/** What the correlation ids of requests have that have no expiration. Others have a number there. */
export const lasting = "-";

/** What a request and its answers have in common, as the client that asks names it. */
export interface Thread {
  /** Where the answers go: a text of the client's own. */
  readonly replyTo: string;
  /** Undefined where the client gave none. */
  readonly correlationId: string | undefined;
}

/** What a correlation id over AMQP says. */
export interface Correlation {
  /** The secret of the connection that asked. */
  readonly secret: string;
  /** Whether its answer is awaited for a time alone. */
  readonly hasExpiration: boolean;
  readonly thread: Thread;
}

/**
 * The correlation id that a request has over AMQP. `correlationIn` reads it.
 *
 * @param prefix of the connection that asks: the manager's, a colon, and the secret
 * @param kind `lasting`, or what tells a request with an expiration from the others of its connection
 */
export function idOf(prefix: string, kind: string, replyTo: string, correlationId: string): string {
  return `${prefix}:${kind}${replyTo.length}:${replyTo}${correlationId}`;
}

/** Undefined if no manager can have made it. */
export function correlationIn(id: string): Correlation | undefined {
  const [, secret, kind, length, rest] =
    /^[^:]*:[^:]*:([^:]{16}):(-|e\d+\.)(\d{1,3}):(.*)$/s.exec(id) ?? ([] as (string | undefined)[]);
  if (secret === undefined || rest === undefined) return undefined;
  const at = Number(length);
  const thread = {
    replyTo: rest.slice(0, at),
    correlationId: rest.length === at ? undefined : rest.slice(at),
  };
  return { secret, hasExpiration: kind !== lasting, thread };
}
