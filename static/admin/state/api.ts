import { isEntry } from "./entries.ts";

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

/** Whether a manager is ready, as `/readyz` says. */
export interface Readiness {
  /** Whether it takes clients. */
  readonly ready: boolean;
  /** Why it is not ready. */
  readonly why?: string;
}

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
      return response.status === 404
        ? { is: "absent" }
        : { is: "refused", why: `the manager answered with status ${response.status}` };
    const said = await bodyOf(response);
    if (said === undefined) return { is: "refused", why: "the manager's answer cannot be read" };
    if (response.ok) return { is: "ok", body: said };
    const { error } = said;
    const isSaid = typeof error === "string" && error !== "";
    return { is: "refused", why: isSaid ? error : `the manager answered with status ${response.status}` };
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

  async readiness(): Promise<Readiness | undefined> {
    try {
      const response = await fetch("./readyz", { cache: "no-store", signal: AbortSignal.timeout(timeoutMs) });
      const said: unknown = await response.json();
      return isEntry<Readiness>(said, { ready: "truth", why: "text?" }) ? said : undefined;
    } catch {
      return undefined;
    }
  }
}

/** Reads the body; undefined if the connection was lost meanwhile, or if it is no object. */
async function bodyOf(response: Response): Promise<Record<string, unknown> | undefined> {
  try {
    const said: unknown = await response.json();
    return isEntry<Record<string, unknown>>(said, {}) ? said : undefined;
  } catch {
    return undefined;
  }
}
