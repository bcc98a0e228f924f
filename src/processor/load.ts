import { statSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { FatalError, reasonOf } from "../errors.ts";
import { allowScripts } from "../handler-script.ts";
import { isHandlerUrl } from "../host.ts";
import { inItsTrace } from "./current-trace.ts";
import type { EventHandlers } from "./event-work.ts";
import type { Handler, Work } from "./handler.ts";
import type { EventHandler } from "./handler-types.ts";
import { topicFilter } from "./topic-filter.ts";

/**
 * Loads the work that `--handler` names: a module on disk, or a service by its URL.
 *
 * @throws FatalError with one line that names the file, and the line in it if that is known
 */
export async function loadWork(name: string): Promise<Work> {
  if (!isHandlerUrl(name)) return loadModule(name);
  const { handlerAt } = await import("./http-handler.ts");
  return { handle: handlerAt(name) };
}

/** Loads the user's module from disk. This works in the compiled executable too. */
async function loadModule(file: string): Promise<Work> {
  const path = resolve(file);
  const is = statSync(path, { throwIfNoEntry: false });
  if (is?.isFile() !== true) {
    const what = is === undefined ? "there is no such file" : "it is no file";
    throw new FatalError(`handler ${path}: ${what}; correct --handler`);
  }
  allowScripts();
  let module: unknown;
  try {
    module = await import(pathToFileURL(path).href);
  } catch (error) {
    throw new FatalError(`handler ${path}${faultOf(error, path)}`);
  }
  const handler =
    typeof module === "object" && module !== null && "default" in module ? module.default : undefined;
  if (typeof handler !== "function") {
    throw new FatalError(`handler ${path}: it has no default function; write: export default (message) => …`);
  }
  const topics = "topics" in (module as object) ? (module as { readonly topics: unknown }).topics : undefined;
  const events = eventHandlersIn(module as object, path);
  const handle = inItsTrace(handler as Handler);
  if (topics === undefined) return { handle, ...events };
  const isFor = topicFilter(topics);
  if (typeof isFor === "string") throw new FatalError(`handler ${path}: ${isFor}`);
  return { handle, isFor, ...events };
}

/** @throws FatalError */
function eventHandlersIn(module: object, path: string): EventHandlers {
  const all = module as Readonly<Record<string, unknown>>;
  const handlers: Record<string, EventHandler> = {};
  for (const name of ["connected", "disconnected"]) {
    const exported = all[name];
    if (exported === undefined) continue;
    if (typeof exported !== "function")
      throw new FatalError(
        `handler ${path}: its ${name} is no function; write: export function ${name}(event) { … }`,
      );
    handlers[name] = exported as EventHandler;
  }
  return handlers;
}

/** Where and why it cannot be loaded. What it throws may itself throw when it is asked, and then has no more than a reason. */
function faultOf(error: unknown, path: string): string {
  try {
    return `${placeOf(error, path)}: ${firstReason(error)}`;
  } catch {
    return `: ${reasonOf(error)}`;
  }
}

/** The first of several errors: Bun throws a single error for one syntax error, and an AggregateError for several. */
function firstReason(error: unknown): string {
  const first: unknown = error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
  const reason = reasonOf(first);
  return lacksPackage(first) ? `${reason}; install it in the handler's folder, as with npm install` : reason;
}

/** Whether an import names a package that is missing. Other specifiers are paths. */
function lacksPackage(error: unknown): boolean {
  const { code, specifier = "." } = (error ?? {}) as { readonly code?: string; readonly specifier?: string };
  return code === "ERR_MODULE_NOT_FOUND" && !/^[./]/.test(specifier);
}

/** Where it went wrong: `:LINE` of the module, or `, in FILE:LINE` of one that it imports. */
function placeOf(error: unknown, path: string): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const place = positionOf(first) ?? frameOf(first, path);
  if (place === undefined) return "";
  return place.file === path ? `:${place.line}` : `, in ${place.file}:${place.line}`;
}

interface Place {
  readonly file: string;
  readonly line: number;
}

/** The position of a syntax or resolve error, which Bun's errors have. */
function positionOf(error: unknown): Place | undefined {
  if (typeof error !== "object" || error === null || !("position" in error)) return undefined;
  const { file, line } = (error.position ?? {}) as Partial<Place>;
  return file === undefined || line === undefined ? undefined : { file, line };
}

/** Finds the handler's own line, or else the innermost one, in a stack from loading modules. */
function frameOf(error: unknown, path: string): Place | undefined {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const frames = [...stack.matchAll(/(?:at |\()(\/.+?|[A-Z]:\\.+?):(\d+):\d+\)?$/gm)];
  const frame = frames.find(([, file]) => file === path) ?? frames[0];
  return frame === undefined ? undefined : { file: frame[1]!, line: Number(frame[2]) };
}
