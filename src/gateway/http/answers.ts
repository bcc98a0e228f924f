/** Answers in JSON. A refusal says what to do, as `error`. */

const headersOfAll = { "cache-control": "no-store", "x-content-type-options": "nosniff" } as const;

/** An answer in JSON. */
export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return Response.json(value, { status, headers: { ...headersOfAll, ...headers } });
}

/** An answer that refuses. @param error what is wrong and what to do */
export function fault(status: number, error: string, headers: Record<string, string> = {}): Response {
  return json({ error }, status, headers);
}

/** @param inMs when to try again, in milliseconds */
export function later(status: number, error: string, inMs: number): Response {
  return fault(status, error, { "retry-after": `${Math.max(1, Math.ceil(inMs / 1000))}` });
}
