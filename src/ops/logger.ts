import type { Writable } from "node:stream";

/** The levels, from the least to the most severe. */
export const levels = ["debug", "info", "warn", "error"] as const;
/** How severe a line is. */
export type Level = (typeof levels)[number];

/** The fields of a log line besides its message. Units are in the names: `bytes`, `waitMs`. */
export type Fields = Readonly<Record<string, unknown>>;

/** Prints what happens, for people or for programs. */
export interface Logger {
  /** Whether lines of this level are printed. Ask before making up a costly line. */
  wants(level: Level): boolean;
  /** For what helps to find a fault. */
  debug(message: string, fields?: Fields): void;
  /** For what belongs to normal operation and happens seldom. */
  info(message: string, fields?: Fields): void;
  /** For what needs no action but should be known. */
  warn(message: string, fields?: Fields): void;
  /** For what was lost, or needs somebody's action. */
  error(message: string, fields?: Fields): void;
}

/** How much may wait for a terminal or pipe that is not read. Beyond that, lines are dropped and counted. In bytes. */
const pendingBytesMax = 1024 ** 2;

/** Prints lines to a stream, as text for people or JSON for programs. */
export class StreamLogger implements Logger {
  readonly #output: Writable;
  readonly #isJson: boolean;
  #least: number;
  /** Counted here, because Bun's `process.stdout` keeps `writableLength` at 0 however much waits (tried). */
  #pendingBytes = 0;
  #droppedCount = 0;

  constructor(output: Writable, format: "text" | "json", level: Level) {
    this.#output = output;
    this.#isJson = format === "json";
    this.#least = levels.indexOf(level);
  }

  get level(): Level {
    return levels[this.#least]!;
  }

  /** Changes the level. A line says so, whatever the level is. */
  changeLevel(level: Level): void {
    this.#least = levels.indexOf(level);
    this.#write("info", "the log level was changed", { logLevel: level });
  }

  wants(level: Level): boolean {
    return levels.indexOf(level) >= this.#least;
  }

  debug(message: string, fields?: Fields): void {
    this.#line("debug", message, fields);
  }
  info(message: string, fields?: Fields): void {
    this.#line("info", message, fields);
  }
  warn(message: string, fields?: Fields): void {
    this.#line("warn", message, fields);
  }
  error(message: string, fields?: Fields): void {
    this.#line("error", message, fields);
  }

  #line(level: Level, message: string, fields: Fields = {}): void {
    if (!this.wants(level)) return;
    if (this.#pendingBytes > pendingBytesMax) {
      this.#droppedCount++;
      return;
    }
    if (this.#droppedCount > 0) {
      const linesDropped = this.#droppedCount;
      this.#droppedCount = 0;
      this.#write("warn", "log lines were dropped: nobody read them fast enough", { linesDropped });
    }
    this.#write(level, message, fields);
  }

  #write(level: Level, message: string, fields: Fields): void {
    const time = new Date().toISOString();
    const line = this.#isJson
      ? `${escaped(inJson({ time, level, msg: message, ...fields }))}\n`
      : `${time.slice(11, 23)} ${level === "info" ? "" : `${level.toUpperCase()} `}${onOneLine(message)}${asText(fields)}\n`;
    this.#pendingBytes += line.length;
    this.#output.write(line, () => {
      this.#pendingBytes -= line.length;
    });
  }
}

/** ` key=value key="a text with spaces"` */
function asText(fields: Fields): string {
  let text = "";
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const shown = wordsFor(value);
    text += ` ${onOneLine(key)}=${/^[^\s"=]+$/.test(shown) ? printable(shown) : JSON.stringify(printable(shown))}`;
  }
  return text;
}

/** An object that says nothing of itself as text is shown as JSON. */
function wordsFor(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ? inJson(value) : String(value);
}

/**
 * Anything as JSON, since handlers log what they like: integers that no number can hold as texts, errors as what they say, and what
 * JSON cannot say, such as an object that is a part of itself, by its kind.
 */
export function inJson(value: object): string {
  const said = (_: string, part: unknown) =>
    typeof part === "bigint" || isError(part) ? String(part) : part;
  try {
    return JSON.stringify(value, said);
  } catch {
    const parts = Object.entries(value).map(([name, part]) => [name, isScalar(part) ? part : kindOf(part)]);
    return JSON.stringify(Object.fromEntries(parts), said);
  }
}

function isError(value: unknown): value is Error {
  return value instanceof Error;
}

function isScalar(value: unknown): boolean {
  return isError(value) || (typeof value !== "object" && typeof value !== "function");
}

/** `[object Map]` */
function kindOf(value: unknown): string {
  return Object.prototype.toString.call(value);
}

/**
 * Characters with which a client's text could control a terminal (C0 and C1, DEL), or make a line look different: those that change the
 * direction of text, and line ends that JSON does not escape.
 */
const misleading =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Escapes them in JSON by their numbers. */
function escaped(json: string): string {
  return json.replaceAll(
    misleading,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function printable(text: string): string {
  return text.replaceAll(misleading, "\ufffd");
}

/** A handler's words, or the names of its fields, may be a client's. */
function onOneLine(text: string): string {
  return printable(text).replaceAll("\n", "\\n").replaceAll("\t", "\\t");
}
