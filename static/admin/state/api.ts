/** How long an answer may take. In milliseconds. */
const timeoutMs = 35_000;

/** What the admin listener answered. */
export type Answered =
  | { readonly is: "ok"; readonly body: Record<string, unknown> }
  /** The token is missing or wrong. */
  | { readonly is: "locked" }
  /** This manager does not offer it. */
  | { readonly is: "absent" }
  | { readonly is: "refused"; readonly why: string };

/** Sends requests to the admin listener that served this page. */
export class Api {
  /** It is kept in memory only, since it allows to disconnect every client. */
  token: string | undefined;

  async ask(path: string, method = "GET", body?: object): Promise<Answered> {
    let response: Response;
    try {
      response = await fetch(`.${path}`, {
        method,
        cache: "no-store",
        signal: AbortSignal.timeout(timeoutMs),
        headers: {
          ...(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch {
      return { is: "refused", why: "the manager cannot be reached" };
    }
    if (response.status === 401) return { is: "locked" };
    const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
    if (!isJson)
      return response.status === 404 ? { is: "absent" } : { is: "refused", why: `${response.status}` };
    const said = await bodyOf(response);
    if (said === undefined) return { is: "refused", why: "the manager's answer was cut off" };
    return response.ok ? { is: "ok", body: said } : { is: "refused", why: String(said["error"]) };
  }

  /** What `/metrics` shows; undefined if the manager cannot be reached. */
  async metrics(): Promise<string | undefined> {
    try {
      const response = await fetch("./metrics", {
        cache: "no-store",
        signal: AbortSignal.timeout(timeoutMs),
      });
      return response.ok ? await response.text() : undefined;
    } catch {
      return undefined;
    }
  }

  async readiness(): Promise<{ readonly ready: boolean; readonly why?: string } | undefined> {
    try {
      const response = await fetch("./readyz", { cache: "no-store", signal: AbortSignal.timeout(timeoutMs) });
      return (await response.json()) as { ready: boolean; why?: string };
    } catch {
      return undefined;
    }
  }
}

/** Reads the body; undefined if the connection was lost meanwhile. */
async function bodyOf(response: Response): Promise<Record<string, unknown> | undefined> {
  try {
    return (await response.json()) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
