import { originOf } from "../../origin.ts";

/** Which pages may connect, by their origin (RFC 6454). */

/** The origins that `--allow-origin` names. */
export class AllowedOrigins {
  readonly #isAll: boolean;
  readonly #exact = new Set<string>();
  /** The text before and after the `*`. */
  readonly #patterns: (readonly [before: string, after: string])[] = [];

  /** @param rules each accepted by `isOriginRule` */
  constructor(rules: readonly string[]) {
    this.#isAll = rules.includes("*");
    for (const rule of rules) {
      const origin = originOf(rule);
      if (origin === undefined) continue;
      const star = origin.indexOf("*");
      if (star === -1) this.#exact.add(origin);
      else this.#patterns.push([origin.slice(0, star), origin.slice(star + 1)]);
    }
  }

  /** @param origin as the browser sent it */
  has(origin: string): boolean {
    if (this.#isAll) return true;
    const normal = originOf(origin);
    if (normal === undefined) return false;
    if (this.#exact.has(normal)) return true;
    return this.#patterns.some(
      ([before, after]) =>
        normal.length > before.length + after.length && normal.startsWith(before) && normal.endsWith(after),
    );
  }
}

/** How a request reached the first server that tells: with TLS, without it, or undefined if no server tells. */
export type Scheme = "https" | "http" | undefined;

/**
 * The scheme of the address that a client used.
 *
 * A proxy gives it in X-Forwarded-Proto. A page cannot set that header, so `https` is always believed: it only makes Warren stricter.
 * `http` is believed only from a trusted proxy, since a proxy also says it if another one with TLS is in front of it.
 *
 * @param isTls whether the connection to the manager is encrypted
 * @param forwardedProto the header X-Forwarded-Proto
 * @param isTrusted whether a proxy that `--trust-proxy` names has sent it
 */
export function schemeOf(isTls: boolean, forwardedProto: string | null, isTrusted: boolean): Scheme {
  if (isTls) return "https";
  const [first = ""] = forwardedProto?.toLowerCase().split(",") ?? [];
  switch (first.trim()) {
    case "https":
    case "wss":
      return "https";
    case "http":
    case "ws":
      return isTrusted ? "http" : undefined;
    default:
      return undefined;
  }
}

/**
 * Whether a page is the manager's own: its origin is the address of its request, by scheme, host and port. The scheme's default port may be
 * left out on either side. If the scheme is not known, both are accepted: behind a proxy with TLS, the manager itself sees no TLS.
 *
 * @param host the header Host
 */
export function isOwnOrigin(origin: string, host: string | null, scheme: Scheme): boolean {
  const page = originOf(origin);
  const pageScheme = page === undefined ? undefined : /^(https?):/.exec(page)?.[1];
  if (pageScheme === undefined || host === null) return false;
  if (scheme !== undefined && scheme !== pageScheme) return false;
  return originOf(`${pageScheme}://${host}`) === page;
}
