/**
 * Errors by severity, as callers branch on them (never on their text):
 *
 * - `UsageError`: the person who started Warren asked for something impossible. One line, exit 2.
 * - `FatalError`: a fault that no retry can mend (wrong password, port in use). One line, exit 1.
 * - anything else that reaches `main` is a bug, and is printed with its stack.
 *
 * Faults that a retry can mend never leave the room in which they are retried.
 */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export class FatalError extends Error {
  override readonly name = "FatalError";
}

/** The text of whatever was thrown, on one line. */
export function reasonOf(thrown: unknown): string {
  return textOf(thrown).replaceAll(/\s*\n\s*/g, " ");
}

/** A handler may throw anything, such as what has no text. */
function textOf(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message || thrown.name : thrown);
  } catch {
    return "something was thrown that has no text";
  }
}

/** The code of a system or AMQP error (`"ECONNREFUSED"`, `404`), if it has one. */
export function codeOf(thrown: unknown): string | number | undefined {
  if (!(thrown instanceof Error) || !("code" in thrown)) return undefined;
  return typeof thrown.code === "string" || typeof thrown.code === "number" ? thrown.code : undefined;
}
