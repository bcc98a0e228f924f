import { bodyOf, type DeadLetter } from "./letter.ts";

const columns = [
  ["AGE", 5],
  ["GROUP", 12],
  ["TRIES", 5],
  ["TOPIC", 20],
  ["CLIENT", 12],
  ["ID", 24],
] as const;

/** The head of the table that `list` prints. */
export const tableHead = [...columns.map(([title, width]) => title.padEnd(width)), "REASON"].join("  ");

/** A line of the table. A long value pushes the rest to the right, since an id has to be complete to be copied. */
export function rowOf(letter: DeadLetter, nowMs: number): string {
  const { group, attempts, topic, client, id, reason } = letter;
  const cells = [
    ageOf(letter, nowMs),
    group ?? "?",
    String(attempts ?? "?"),
    topic,
    client ?? "",
    id ?? "none",
  ];
  return [...cells.map((cell, index) => harmless(cell).padEnd(columns[index]![1])), harmless(reason)].join(
    "  ",
  );
}

/** Everything about a letter, over several lines. */
export function detailOf(letter: DeadLetter, nowMs: number): string {
  const { id, group, attempts, reason, topic, client, contentType, headers, atMs } = letter;
  const died =
    atMs === undefined ? "unknown" : `${new Date(atMs).toISOString()} (${ageOf(letter, nowMs)} ago)`;
  const body = bodyOf(letter);
  const lines = [
    `id:       ${id ?? "none"}`,
    `group:    ${group ?? "unknown"}`,
    `died:     ${died}, after ${attempts ?? "an unknown number of"} attempts`,
    `reason:   ${reason}`,
    `topic:    ${topic}`,
    `client:   ${client ?? "none"}`,
    `type:     ${contentType ?? "none"}`,
    ...Object.entries(headers).map(([name, value]) => `header:   ${name}: ${shown(value)}`),
    "text" in body ? `body:     ${body.text}` : `body:     ${body.base64} (base64)`,
  ];
  return `${lines.map(harmless).join("\n")}\n`;
}

/**
 * One JSON object, on one line.
 *
 * @param bodyBytesMax how much of the body is shown; `bodyBytes` tells its size
 */
export function jsonOf(letter: DeadLetter, bodyBytesMax = Number.POSITIVE_INFINITY): string {
  const { body, atMs, ...rest } = letter;
  const at = atMs === undefined ? undefined : new Date(atMs).toISOString();
  const shown = { body: body.byteLength > bodyBytesMax ? body.subarray(0, bodyBytesMax) : body };
  const cut = body.byteLength > bodyBytesMax ? { bodyBytes: body.byteLength } : {};
  return harmless(inJson({ ...rest, at, body: bodyOf(shown), ...cut }));
}

/** Headers of other programs may be tables, lists, bytes, and integers that JavaScript cannot represent. */
function shown(value: unknown): string {
  return typeof value === "object" ? inJson(value) : String(value);
}

/** Integers that JavaScript cannot represent become texts, to keep all digits. */
function inJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? String(part) : part));
}

function ageOf({ atMs }: DeadLetter, nowMs: number): string {
  if (atMs === undefined) return "?";
  const seconds = Math.max(0, Math.round((nowMs - atMs) / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)}h`;
  return `${Math.round(seconds / 86_400)}d`;
}

/** Strangers wrote this text, so characters that control a terminal or change the direction of text are removed. */
function harmless(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\u2028-\u202e\u2066-\u2069\u061c\u200e\u200f]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
