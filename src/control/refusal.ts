/** What is asked for cannot be: 400, and why. */
export function bad(error: string): Response {
  return refused(400, error);
}

/** It cannot be done now, or not like this: an HTTP status, and why. */
export function refused(status: number, error: string): Response {
  return Response.json({ error }, { status });
}

/** 404. @param missing the managers that did not say */
export function unknownClient(client: string, missing: readonly string[]): Response {
  return Response.json({ error: `no client "${client}" is connected`, missing }, { status: 404 });
}
