/**
 * Errors by severity. Callers branch on their class, never on their text:
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

/** A fault that no retry can mend. Its message is one line for the operator; the process ends with exit code 1. */
export class FatalError extends Error {
  override readonly name = "FatalError";
}

/** How many errors within an error are named, and how deep they are searched. */
const innerMax = 5;
const depthMax = 3;
/** Characters of an object that was thrown and has no text of its own. */
const objectCharactersMax = 1000;

/** How many characters of a text are a reason. A handler's error may quote a message of megabytes. */
export const reasonCharactersMax = 16_384;

/** The text of anything thrown, on one line: with its causes, and with the parts of an AggregateError. */
export function reasonOf(thrown: unknown): string {
  return onOneLine(textOf(thrown, 0).slice(0, reasonCharactersMax));
}

/** No regular expression: one that takes white space around a line end takes time by the square of a run of spaces. */
function onOneLine(text: string): string {
  const lines = text.split("\n");
  if (lines.length === 1) return text;
  const last = lines.length - 1;
  const bare = lines.map((line, index) => {
    if (index === 0) return line.trimEnd();
    return index === last ? line.trimStart() : line.trim();
  });
  return bare.filter((line, index) => line !== "" || index === 0 || index === last).join(" ");
}

/** A handler may throw anything, even values that cannot be converted to text. */
function textOf(thrown: unknown, depth: number): string {
  try {
    if (!isError(thrown)) return textOfOther(thrown);
    const own = String(thrown.message || thrown.name);
    return depth < depthMax ? own + partsOf(thrown, depth + 1) : own;
  } catch {
    return "something was thrown that has no text";
  }
}

/** Errors of another realm, such as `node:vm`, are no instances of this one's class. */
function isError(thrown: unknown): thrown is Error {
  return thrown instanceof Error || Error.isError(thrown);
}

/** `thrown instanceof type`, whatever a handler has thrown: a Proxy may throw when it is asked, and then is no instance. */
export function isA<T>(thrown: unknown, type: abstract new (...made: never[]) => T): thrown is T {
  try {
    return thrown instanceof type;
  } catch {
    return false;
  }
}

/** The stack of an error; undefined if it has none, or throws when it is asked. */
export function stackOf(thrown: unknown): string | undefined {
  try {
    return isError(thrown) && typeof thrown.stack === "string" ? thrown.stack : undefined;
  } catch {
    return undefined;
  }
}

/** The parts of an aggregate: Promise.any, and Node after trying several addresses, only say that several attempts failed. */
function partsOf(error: Error, depth: number): string {
  const { cause } = error;
  const several = innerErrors(error);
  const named = several.slice(0, innerMax).map((each) => textOf(each, depth));
  if (several.length > named.length) named.push(`${several.length - named.length} more`);
  const inner = named.length === 0 ? "" : ` (${named.join("; ")})`;
  return cause === undefined || cause === error ? inner : `${inner}, caused by: ${textOf(cause, depth)}`;
}

/** The errors in an AggregateError, and in the error that `using` throws when both the work and its end have failed. */
export function innerErrors(error: Error): readonly unknown[] {
  if (error instanceof SuppressedError) return [error.suppressed, error.error];
  const { errors } = error as Error & { readonly errors?: unknown };
  return Array.isArray(errors) ? errors : [];
}

function textOfOther(thrown: unknown): string {
  const text = String(thrown);
  if (typeof thrown !== "object" || thrown === null || !/^\[object \w+\]$/.test(text)) return text;
  const { message } = thrown as { readonly message?: unknown };
  if (typeof message === "string" && message !== "") return message;
  const json = JSON.stringify(thrown, (_, part: unknown) => (typeof part === "bigint" ? `${part}` : part)) as
    | string
    | undefined;
  return json === undefined || json === "{}" ? text : json.slice(0, objectCharactersMax);
}

/** The code of a system or AMQP error (`"ECONNREFUSED"`, `404`), if it has one. */
export function codeOf(thrown: unknown): string | number | undefined {
  if (!(thrown instanceof Error) || !("code" in thrown)) return undefined;
  return typeof thrown.code === "string" || typeof thrown.code === "number" ? thrown.code : undefined;
}
