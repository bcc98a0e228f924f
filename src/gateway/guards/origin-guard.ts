import type { Server } from "bun";
import type { Notices } from "../../ops/notices.ts";
import { originOf } from "../../origin.ts";
import type { Client } from "../clients/client.ts";
import { TrustedProxies } from "./address.ts";
import { AllowedOrigins, isOwnOrigin, type Scheme, schemeOf } from "./origin.ts";

/** The pages that may connect. */
export interface OriginOptions {
  /** Origins whose pages may connect, besides the manager's own. */
  readonly allowOrigin: readonly string[] | undefined;
  /** Proxies whose statements about a request are believed. */
  readonly trustProxy: readonly string[] | undefined;
  /** Undefined: the manager itself does not use TLS. */
  readonly tlsCert: string | undefined;
}

/** Refuses browsers that connect from other sites' pages. */
export class OriginGuard {
  readonly #options: OriginOptions;
  readonly #notices: Notices;
  readonly #origins: AllowedOrigins;
  readonly #proxies: TrustedProxies;

  constructor(options: OriginOptions, notices: Notices) {
    this.#options = options;
    this.#notices = notices;
    this.#origins = new AllowedOrigins(options.allowOrigin ?? []);
    this.#proxies = new TrustedProxies(options.trustProxy ?? []);
  }

  /**
   * Whether a browser may connect from the page that the request names. Without this check, any page that somebody visits could connect to
   * a manager on their machine or in their network (RFC 6455, section 10.2). Programs other than browsers send no Origin, and pass.
   */
  mayComeFrom(request: Request, server: Server<Client>): boolean {
    const { headers } = request;
    const origin = headers.get("origin");
    // A browser leaves Origin out if a page just embeds something, such as a picture or a script.
    if (origin === null) return !isForeignPart(headers.get("sec-fetch-site"));
    return this.allows(origin, request, server);
  }

  /** Whether a page of this origin may connect in the way in which a request came. */
  allows(origin: string, request: Request, server: Server<Client>): boolean {
    const { headers } = request;
    const host = headers.get("host");
    const scheme = this.#schemeOf(request, server);
    if (isOwnOrigin(origin, host, scheme) || this.#origins.has(origin)) return true;
    const page = originOf(origin);
    this.#notices.warnOnce("a page of another origin was refused", "origin", origin, () => ({
      host,
      scheme: scheme ?? "http or https",
      ...(page === undefined ? {} : { flag: `--allow-origin ${page}` }),
    }));
    return false;
  }

  #schemeOf(request: Request, server: Server<Client>): Scheme {
    const forwardedProto = request.headers.get("x-forwarded-proto");
    const isTrusted = forwardedProto !== null && this.#proxies.has(server.requestIP(request)?.address ?? "");
    return schemeOf(this.#options.tlsCert !== undefined, forwardedProto, isTrusted);
  }
}

/** Whether the browser says that a page of another origin asks (W3C Fetch Metadata). */
function isForeignPart(site: string | null): boolean {
  return site === "cross-site" || site === "same-site";
}
