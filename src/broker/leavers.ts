/**
 * Tells of clients that asked requests and have disconnected, by the names in their correlation ids. Managers send it to all processors, so
 * that handlers can stop working for nobody. A processor that is not connected does not hear of it.
 */
export type OnLeft = (askers: readonly string[]) => void;

/** The most clients in one message. */
export const leaversMax = 500;

/** The body of such a message. */
export function leaversBody(askers: readonly string[]): string {
  return JSON.stringify({ left: askers });
}

/** The clients in a body; none if the body is something else, since any program may publish there. */
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
