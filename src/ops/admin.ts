import type { Server } from "bun";
import { healthRoute, notHere, type Operations, operationRoutes, type Routes, readOnly } from "./http.ts";
import { listenFault } from "./listen-fault.ts";
import { LoopTime } from "./loop-time.ts";
import { RequestTurns } from "./request-turns.ts";

/** Where the admin listener listens. */
export interface AdminOptions {
  /** Undefined: the operation routes are on the clients' port. */
  readonly adminPort: number | undefined;
  /** The address that it listens on. */
  readonly adminHost: string;
}

/** Refuses requests before a route sees them. */
export interface RouteGuard {
  /** Wraps routes so that they answer only allowed requests. */
  guard<S>(routes: Routes<S>): Routes<S>;
}

/** Serves the operation routes on a port of their own, so that the clients' port has only what clients need. */
export class AdminListener {
  readonly #options: { readonly adminHost: string; readonly adminPort: number };
  readonly #operations: Operations;
  readonly #guard: RouteGuard;
  readonly #api: Routes<undefined>;
  readonly #others: (request: Request) => Promise<Response | undefined>;
  readonly #turns: RequestTurns;
  /** Requests that take long take turns. */
  readonly #longTurns: RequestTurns;
  #server: Server<undefined> | undefined;

  /**
   * @param others answers other paths; undefined: there are none
   * @param loop shares out the event loop's time
   */
  constructor(
    options: { readonly adminHost: string; readonly adminPort: number },
    operations: Operations,
    guard: RouteGuard,
    api: Routes<undefined> = {},
    others: (request: Request) => Promise<Response | undefined> = async () => undefined,
    loop = new LoopTime(),
  ) {
    this.#turns = new RequestTurns(10, loop);
    this.#longTurns = new RequestTurns(1, loop);
    this.#api = api;
    this.#others = others;
    this.#options = options;
    this.#operations = operations;
    this.#guard = guard;
  }

  get url(): URL | undefined {
    return this.#server?.url;
  }

  /** @throws FatalError if the port is in use or the address is not this machine's */
  open(): void {
    const { adminHost: hostname, adminPort: port } = this.#options;
    try {
      this.#server = Bun.serve({
        hostname,
        port,
        development: false,
        reusePort: false,
        routes: {
          ...readOnly<undefined>({
            ...this.#turns.guard(healthRoute()),
            ...this.#longTurns.guard(this.#guard.guard(operationRoutes(this.#operations))),
          }),
          ...this.#turns.guard(this.#guard.guard(this.#api)),
          ...this.#turns.guard(
            readOnly(this.#guard.guard<undefined>({ "/*": (request) => this.#other(request) })),
          ),
        } as Record<string, never>,
      });
    } catch (error) {
      throw listenFault(error, hostname, port, { host: "--admin-host", port: "--admin-port" });
    }
  }

  async #other(request: Request): Promise<Response> {
    const answer = await this.#others(request);
    return answer ?? new Response(notHere(), { status: 404 });
  }

  async close(): Promise<void> {
    await this.#server?.stop(true);
  }
}
