/** What pages of origins in `--allow-origin` may do (https://fetch.spec.whatwg.org/#http-cors-protocol). */

/** For how long a browser may remember the answer, in seconds. */
const preflightAgeS = 600;
const exposed = "warren-next, warren-client, retry-after";

/** Lets the page read the answer. Requests need nothing that a browser adds by itself, so credentials are not allowed. */
export function readable(response: Response, origin: string | null): Response {
  response.headers.append("vary", "Origin");
  if (origin === null) return response;
  response.headers.set("access-control-allow-origin", origin);
  const own = [...response.headers.keys()].filter((name) => name.startsWith("warren-"));
  response.headers.set(
    "access-control-expose-headers",
    [...new Set([...exposed.split(", "), ...own])].join(", "),
  );
  return response;
}

/** The answer to a preflight request. */
export function preflightAnswer({ headers }: Request, methods: readonly string[]): Response {
  const asked = headers.get("access-control-request-headers");
  return new Response(null, {
    status: 204,
    headers: {
      allow: methods.join(", "),
      "access-control-allow-methods": methods.join(", "),
      // A page of this origin may set the same headers as any other program.
      ...(asked === null ? {} : { "access-control-allow-headers": asked }),
      ...(headers.get("access-control-request-private-network") === "true"
        ? { "access-control-allow-private-network": "true" }
        : {}),
      "access-control-max-age": `${preflightAgeS}`,
    },
  });
}
