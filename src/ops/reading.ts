/** Whether a request only reads. */
export function isReading({ method }: Pick<Request, "method">): boolean {
  return method === "GET" || method === "HEAD";
}

/** The answer to methods that do more than read. */
export function notAllowed(): Response {
  return new Response("method not allowed: this path takes only GET, HEAD\n", {
    status: 405,
    headers: { allow: "GET, HEAD" },
  });
}
