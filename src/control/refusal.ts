/** 400: the request is not valid. @param error says why */
export function bad(error: string): Response {
  return refused(400, error);
}

/** The request is refused, with this HTTP status. @param error says why */
export function refused(status: number, error: string): Response {
  return Response.json({ error }, { status });
}

/**
 * 404: no manager has this client. 503: it may be connected to one that has not answered.
 *
 * @param missing the managers that have not answered
 */
export function unknownClient(client: string, missing: readonly string[]): Response {
  if (missing.length === 0)
    return Response.json({ error: `no client "${client}" is connected`, missing }, { status: 404 });
  const error = `no manager that has answered has a client "${client}", and others have not answered: ask again`;
  return Response.json({ error, missing }, { status: 503 });
}
