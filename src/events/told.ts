import type { Heartbeat, Known, Told } from "./event.ts";
import { objectIn } from "./json.ts";
import { isSourceOf } from "./sources.ts";

/** What managers tell one another is smaller. A larger message is no manager's, and would take long to read. In bytes. */
const saidBytesMax = 1024 ** 2;

/** What a manager has said, to be looked at; undefined if a program made it up. */
export function saidIn(body: Uint8Array): ReturnType<typeof objectIn> {
  return body.byteLength > saidBytesMax ? undefined : objectIn(body);
}

/** What a manager has told the others; undefined if a program made it up. */
export function toldIn(said: Readonly<Record<string, unknown>> | undefined): Told | undefined {
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

/** What a manager leaves is asked for and deleted by its name, so nothing else may be named. */
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

/** RabbitMQ is asked for it. */
function isName(name: string, lengthMax: number): boolean {
  return name.length <= lengthMax && /^[\w.-]+$/.test(name);
}
