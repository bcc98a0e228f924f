import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { FatalError, reasonOf } from "../errors.ts";
import type { Handler } from "./handler.ts";

/**
 * Loads the user's own module from disk, by the compiled executable too.
 *
 * @throws FatalError in one line that names the file, and the line where there is one
 */
export async function loadHandler(file: string): Promise<Handler> {
  const path = resolve(file);
  if (!existsSync(path) || !statSync(path).isFile()) {
    throw new FatalError(`handler ${path}: there is no such file; correct --handler`);
  }
  let module: unknown;
  try {
    module = await import(pathToFileURL(path).href);
  } catch (error) {
    throw new FatalError(`handler ${path}${placeOf(error, path)}: ${firstReason(error)}`);
  }
  const handler =
    typeof module === "object" && module !== null && "default" in module ? module.default : undefined;
  if (typeof handler !== "function") {
    throw new FatalError(`handler ${path}: it has no default function; write: export default (message) => …`);
  }
  return handler as Handler;
}

/** Bun throws one error for a syntax error, and an AggregateError for several. */
function firstReason(error: unknown): string {
  return reasonOf(error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error);
}

/** `:LINE` of a syntax error, or of what the module threw while it was loaded. */
function placeOf(error: unknown, path: string): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  if (typeof first === "object" && first !== null && "position" in first) {
    const position = first.position as { readonly line?: number } | null;
    if (typeof position?.line === "number") return `:${position.line}`;
  }
  const stack = first instanceof Error ? (first.stack ?? "") : "";
  const at = stack.indexOf(`${path}:`);
  const line = at < 0 ? "" : /^\d+/.exec(stack.slice(at + path.length + 1))?.[0];
  return line ? `:${line}` : "";
}
