import { AllowedHosts, nameIn } from "../../host.ts";
import type { Answer, Routes } from "../../ops/http.ts";
import type { Notices } from "../../ops/notices.ts";
import { notAHost, type Refusals } from "./refusals.ts";

/** Refuses requests under names that a stranger could have pointed at this address. */
export class HostGuard {
  readonly #hosts: AllowedHosts | undefined;
  readonly #refusals: Refusals;
  readonly #notices: Notices;

  /** @param allowed the names of `--allow-host`; undefined if tokens or TLS keep strangers out, so that any name is allowed */
  constructor(allowed: readonly string[] | undefined, refusals: Refusals, notices: Notices) {
    this.#hosts = allowed && new AllowedHosts(allowed);
    this.#refusals = refusals;
    this.#notices = notices;
  }

  /** The answer to a request that is refused; undefined if it is not. */
  refusalOf({ headers }: Request): Response | undefined {
    if (this.#hosts === undefined) return undefined;
    const host = headers.get("host");
    if (this.#hosts.has(host)) return undefined;
    const name = nameIn(host!);
    if (name === undefined) return this.#refusals.refuse("invalid", notAHost);
    this.#notices.warnOnce("a request for a host name that is not allowed was refused", "host", name, () => ({
      flag: `--allow-host ${name}`,
    }));
    return this.#refusals.refuse("host");
  }

  /** Wraps routes so that they answer only allowed requests. */
  guard<S>(routes: Routes<S>): Routes<S> {
    return Object.fromEntries(
      Object.entries(routes).map(([path, answer]) => [path, this.#guarded(answer)] as const),
    );
  }

  #guarded<S>(answer: Answer<S>): Answer<S> {
    return (request, server) => this.refusalOf(request) ?? answer(request, server);
  }
}
