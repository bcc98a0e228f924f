/** What is asked for cannot be: 400, and why. */
export function bad(error: string): Response {
  return Response.json({ error }, { status: 400 });
}
