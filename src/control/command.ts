import { isName } from "../message.ts";
import { revokedMsMax } from "./revocations.ts";

/**
 * What managers are told to do, or asked for: JSON on the fanout exchange `wsmanager.control` (docs/control.md). A program that
 * names `reply_to` gets an answer from each manager.
 */
export type Command =
  | { readonly do: "managers" }
  | { readonly do: "topics" }
  | { readonly do: "clients"; readonly after?: string; readonly limit?: number; readonly search?: string }
  | { readonly do: "client"; readonly client: string }
  | { readonly do: "disconnect"; readonly client: string }
  | { readonly do: "revoke"; readonly client: string; readonly forMs?: number };

/** The version that commands name. */
export const commandVersion = 1;
/** A larger one is not read. In bytes. */
export const commandBytesMax = 64 * 1024;
/** Clients that one answer has at most. */
export const pageMax = 1000;

const kinds: readonly string[] = ["managers", "topics", "clients", "client", "disconnect", "revoke"];

/** @returns the command, or why it is none, in words for a log */
export function commandIn(body: Uint8Array): Command | string {
  if (body.byteLength > commandBytesMax) return `it has more than ${commandBytesMax} bytes`;
  let said: unknown;
  try {
    said = JSON.parse(decoder.decode(body));
  } catch {
    return "it is no JSON";
  }
  if (typeof said !== "object" || said === null) return "it is no JSON object";
  const { version, do: what, client, after, limit, search, forMs } = said as Record<string, unknown>;
  if (version !== commandVersion) return `its version is not ${commandVersion}`;
  if (typeof what !== "string" || !kinds.includes(what)) return `"do" is none of ${kinds.join(", ")}`;
  if ((what === "client" || what === "disconnect" || what === "revoke") && typeof client !== "string")
    return `"client" is missing, which ${what} needs`;
  if (what === "revoke" && !isName(client as string)) return '"client" has at most 255 bytes';
  if (forMs !== undefined && !(Number(forMs) > 0 && Number(forMs) <= revokedMsMax))
    return `"forMs" is no number from 1 to ${revokedMsMax}`;
  if (after !== undefined && typeof after !== "string") return '"after" is no text';
  if (search !== undefined && typeof search !== "string") return '"search" is no text';
  if (limit !== undefined && !(Number.isInteger(limit) && Number(limit) > 0 && Number(limit) <= pageMax))
    return `"limit" is no whole number from 1 to ${pageMax}`;
  return said as Command;
}

const decoder = new TextDecoder();
