import { isName } from "../message.ts";
import { type Level, levels } from "../ops/logger.ts";
import { revokedMsMax } from "./revocations.ts";

/**
 * The commands and questions for managers: JSON on the fanout exchange `wsmanager.control` (docs/control.md). A program that sets
 * `reply_to` gets an answer from each manager.
 */
export type Command =
  | { readonly do: "managers" }
  | { readonly do: "topics" }
  | { readonly do: "clients"; readonly after?: string; readonly limit?: number; readonly search?: string }
  | { readonly do: "client"; readonly client: string }
  | { readonly do: "disconnect"; readonly client: string }
  | { readonly do: "revoke"; readonly client: string; readonly forMs?: number }
  /** A drain is for one manager, which answers. */
  | { readonly do: "drain"; readonly manager: string; readonly overMs?: number }
  /** A level is for the process of one manager, or of all. */
  | { readonly do: "log-level"; readonly level: Level; readonly manager?: string };

/** The version that commands name. */
const commandVersion = 1;
/** Larger commands are not read. In bytes. */
export const commandBytesMax = 64 * 1024;
/** The most clients in one answer. */
export const pageMax = 1000;

/** The longest search text, in characters. */
export const searchMax = 255;

/** How long clients have to leave unless the command says so, and at most, in milliseconds. */
export const drainMs = { usual: 30_000, most: 3_600_000 } as const;

const kinds: readonly string[] = [
  ...["managers", "topics", "clients", "client", "disconnect", "revoke", "drain", "log-level"],
];

/** @returns the command, or why it is not valid, in words for a log */
export function commandIn(body: Uint8Array): Command | string {
  if (body.byteLength > commandBytesMax) return `it has more than ${commandBytesMax} bytes`;
  let said: unknown;
  try {
    said = JSON.parse(decoder.decode(body));
  } catch {
    return "it is no JSON";
  }
  if (typeof said !== "object" || said === null) return "it is no JSON object";
  const {
    version,
    do: what,
    client,
    after,
    limit,
    search,
    forMs,
    manager,
    overMs,
    level,
  } = said as Record<string, unknown>;
  if (version !== commandVersion) return `its version is not ${commandVersion}`;
  if (typeof what !== "string" || !kinds.includes(what)) return `"do" is none of ${kinds.join(", ")}`;
  if ((what === "client" || what === "disconnect" || what === "revoke") && typeof client !== "string")
    return `"client" is missing, which ${what} needs`;
  if (what === "revoke" && !isName(client as string)) return '"client" has at most 255 bytes';
  if (forMs !== undefined && !(Number(forMs) > 0 && Number(forMs) <= revokedMsMax))
    return `"forMs" is no number from 1 to ${revokedMsMax}`;
  if (after !== undefined && typeof after !== "string") return '"after" is no text';
  if (search !== undefined && !(typeof search === "string" && search.length <= searchMax))
    return `"search" is no text of at most ${searchMax} characters`;
  // A manager asks for one more, to see whether more follow.
  if (limit !== undefined && !(Number.isInteger(limit) && Number(limit) > 0 && Number(limit) <= pageMax + 1))
    return `"limit" is no whole number from 1 to ${pageMax}`;
  if (manager === undefined ? what === "drain" : typeof manager !== "string")
    return `"manager" names the one that is meant, which ${what} needs`;
  if (
    overMs !== undefined &&
    !(Number.isInteger(overMs) && Number(overMs) >= 0 && Number(overMs) <= drainMs.most)
  )
    return `"overMs" is no whole number from 0 to ${drainMs.most}`;
  if (what === "log-level" && !(levels as readonly unknown[]).includes(level))
    return `"level" is none of ${levels.join(", ")}`;
  return said as Command;
}

const decoder = new TextDecoder();
