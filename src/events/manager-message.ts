import type { Heartbeat, Known, ManagerMessage } from "./event.ts";
import { objectIn } from "./json.ts";
import { isSourceOf } from "./sources.ts";

/** Larger messages are ignored, since no manager sends them and parsing takes long. In bytes. */
const messageMaxBytes = 1024 ** 2;

/** Parses a message of a manager; undefined if a program made it up. */
export function contentOf(body: Uint8Array): ReturnType<typeof objectIn> {
  return body.byteLength > messageMaxBytes ? undefined : objectIn(body);
}

/** Parses a message about managers; undefined if a program made it up. */
export function managerMessageIn(
  said: Readonly<Record<string, unknown>> | undefined,
): ManagerMessage | undefined {
  const told = said as Partial<{ settled: unknown; beat: Partial<Heartbeat> | null }> | undefined;
  if (typeof told?.settled === "string")
    return isName(told.settled, 255) ? { settled: told.settled } : undefined;
  const beat = told?.beat;
  const isBeat =
    isKnown([beat?.manager, beat?.sources, beat?.snapshotAt]) &&
    isKnown([beat?.manager, [beat?.source], 0]) &&
    Array.isArray(beat?.knows) &&
    beat.knows.every(isKnown);
  return isBeat ? { beat: beat as Heartbeat } : undefined;
}

/** Whether this names only what a manager can have: its sources are looked up and deleted by their names. */
function isKnown(value: unknown): value is Known {
  if (!Array.isArray(value)) return false;
  const [manager, sources, snapshotAt] = value as readonly unknown[];
  return (
    typeof manager === "string" &&
    !manager.includes(".") &&
    isName(manager, 100) &&
    Array.isArray(sources) &&
    sources.every((source) => typeof source === "string" && isSourceOf(source, manager)) &&
    Number.isSafeInteger(snapshotAt)
  );
}

/** RabbitMQ is asked for it by this name. */
function isName(name: string, lengthMax: number): boolean {
  return name.length <= lengthMax && /^[\w.-]+$/.test(name);
}
