/**
 * Clients that asked and have gone, by the beginnings of the correlation ids of their requests: managers tell all processors, so
 * that handlers can stop working for nobody. What is told while a processor is not connected it does not hear.
 */
export type OnLeft = (askers: readonly string[]) => void;

/** How many are told in one message at most. */
export const leaversMax = 500;

/** What is published of clients that have gone. */
export function leaversBody(askers: readonly string[]): string {
  return JSON.stringify({ left: askers });
}

/** None where the body is of another kind: any program may publish there. */
export function leaversIn(body: Uint8Array): readonly string[] {
  try {
    const { left } = JSON.parse(Buffer.from(body).toString()) as { readonly left?: unknown };
    return Array.isArray(left) && left.length <= leaversMax
      ? left.filter((asker): asker is string => typeof asker === "string")
      : [];
  } catch {
    return [];
  }
}
