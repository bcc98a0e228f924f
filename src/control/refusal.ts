/** 400: the request is not valid. @param error says why */
export function bad(error: string): Response {
  return refused(400, error);
}

/** The request is refused, with this HTTP status. @param error says why */
export function refused(status: number, error: string): Response {
  return Response.json({ error }, { status });
}

/** 404. @param missing the managers that have not answered */
export function unknownClient(client: string, missing: readonly string[]): Response {
  return Response.json({ error: `no client "${client}" is connected`, missing }, { status: 404 });
}
