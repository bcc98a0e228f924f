import type { Heartbeat, Told } from "./event.ts";
import { objectIn } from "./json.ts";

/** What managers tell one another has at most 128 KiB. More is no manager's, and would take long to read. In bytes. */
const saidBytesMax = 1024 ** 2;

/** What a manager has said, to be looked at; undefined if a program made it up. */
export function saidIn(body: Uint8Array): ReturnType<typeof objectIn> {
  return body.byteLength > saidBytesMax ? undefined : objectIn(body);
}

/** What a manager has told the others; undefined if a program made it up. */
export function toldIn(said: Readonly<Record<string, unknown>> | undefined): Told | undefined {
  const told = said as Partial<{ settled: unknown; beat: Partial<Heartbeat> | null }> | undefined;
  if (typeof told?.settled === "string") return { settled: told.settled };
  const beat = told?.beat;
  const isBeat =
    typeof beat?.manager === "string" &&
    typeof beat.source === "string" &&
    typeof beat.snapshotAt === "number" &&
    areTexts(beat.sources) &&
    Array.isArray(beat.knows) &&
    beat.knows.every((known) => Array.isArray(known) && typeof known[0] === "string" && areTexts(known[1]));
  return isBeat ? { beat: beat as Heartbeat } : undefined;
}

function areTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}
