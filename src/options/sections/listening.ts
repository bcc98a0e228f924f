import { checkHost, checkNetwork, checkOrigin } from "../kinds/checks.ts";
import { list, text, toggle, whole } from "../kinds/kinds.ts";
import { managing, option, optional, serving } from "../kinds/option.ts";

/** Where a manager listens, which clients it accepts, and what it believes about their origin. */
export const listeningOptions = {
  host: option(
    text("ADDRESS"),
    "127.0.0.1",
    managing,
    "the address that the manager listens on; `0.0.0.0` is all of them",
  ),
  port: option(
    whole("PORT", 0, 65_535),
    8000,
    managing,
    "the port that the manager listens on; 0 picks a free one and prints it",
  ),
  reusePort: option(
    toggle,
    false,
    managing,
    "share `--port` with other managers on this machine that have this flag too; connections are spread (Linux)",
  ),
  tlsCert: optional(
    text("FILE"),
    "none",
    managing,
    "the certificate chain (PEM) for `https://` and `wss://`, read again on SIGHUP; with `--tls-key`",
  ),
  tlsKey: optional(text("FILE"), "none", managing, "the key (PEM) of `--tls-cert`"),
  adminTokenFile: optional(
    text("FILE"),
    "no control API",
    managing,
    "file with the bearer token of the control API, `/api/…` on `--admin-port`; read at each request",
  ),
  allowOrigin: optional(
    list("ORIGIN[,ORIGIN…]", checkOrigin),
    "the page's own",
    managing,
    "further origins whose pages may connect: `https://*.example.org`, `ionic://localhost`, `null`, `*`",
  ),
  allowHost: optional(
    list("NAME[,NAME…]", checkHost),
    "`localhost` and IP addresses",
    serving,
    "more names for the admin port and for managers without tokens and TLS: `a.example.org`, `*.example.org`, `*`",
  ),
  trustProxy: optional(
    list("NETWORK[,NETWORK…]", checkNetwork),
    "nobody",
    managing,
    "proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed: `10.0.0.0/8`, `fd00::/8`, `127.0.0.1`",
  ),
} as const;
