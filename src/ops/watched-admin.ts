import { FatalError } from "../errors.ts";
import { AllowedHosts, nameIn } from "../host.ts";
import type { FromThread, ToThread } from "./admin-thread.ts";
import { notHere, type OperationPath, type Operations, operationAnswer, operationPaths } from "./http.ts";
import { listenFault } from "./listen-fault.ts";
import type { Logger } from "./logger.ts";
import { Notices } from "./notices.ts";

/** How often the main thread shows that it is running, in milliseconds. */
const beatMs = 250;
const defaultStuckAfterMs = 10_000;

/** Where the admin listener listens, and under which names. */
export interface WatchedAdminOptions {
  /** The address that it listens on. */
  readonly adminHost: string;
  /** The port; 0: any free one. */
  readonly adminPort: number;
  /** Names that it may be asked under besides its addresses. */
  readonly allowHost: readonly string[] | undefined;
}

/**
 * The admin port of a processor. It is served by a thread of its own (`admin-thread.ts`), so that `/healthz` answers 503 while a handler is
 * in an endless loop. A manager without a processor uses `AdminListener`, which needs no thread.
 */
export class WatchedAdmin {
  readonly #operations: Operations;
  readonly #hosts: AllowedHosts;
  readonly #notices: Notices;
  readonly #options: WatchedAdminOptions;
  readonly #stuckAfterMs: number;
  readonly #beats = new Int32Array(new SharedArrayBuffer(4));
  #worker: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param stuckAfterMs a handler that blocks the event loop for this long counts as being in an endless loop */
  constructor(
    options: WatchedAdminOptions,
    operations: Operations,
    logger: Logger,
    stuckAfterMs = defaultStuckAfterMs,
  ) {
    this.#stuckAfterMs = stuckAfterMs;
    this.#options = options;
    this.#operations = operations;
    this.#hosts = new AllowedHosts(options.allowHost ?? []);
    this.#notices = new Notices(logger);
  }

  /**
   * Starts to answer, and returns where.
   *
   * @throws FatalError if the port is in use or the address is not this machine's
   */
  async open(): Promise<URL> {
    const { adminHost: hostname, adminPort: port } = this.#options;
    const opened = Promise.withResolvers<URL>();
    const worker = new Worker(threadUrl());
    this.#worker = worker;
    worker.onerror = ({ message }) => opened.reject(new FatalError(`the admin port's thread: ${message}`));
    worker.onmessage = ({ data }: MessageEvent<FromThread>) => {
      if ("ask" in data) void this.#answer(worker, data);
      else if ("listening" in data) opened.resolve(new URL(data.listening));
      else {
        const error = Object.assign(new Error(data.failed.reason), { code: data.failed.code });
        opened.reject(listenFault(error, hostname, port, { host: "--admin-host", port: "--admin-port" }));
      }
    };
    const beats = this.#beats.buffer as SharedArrayBuffer;
    worker.postMessage({
      open: { hostname, port },
      paths: operationPaths,
      notHere: notHere(),
      beats,
      beatMs,
      stuckAfterMs: this.#stuckAfterMs,
    } satisfies ToThread);
    this.#timer = setInterval(() => Atomics.add(this.#beats, 0, 1), beatMs);
    this.#timer.unref();
    try {
      return await opened.promise;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#worker?.terminate();
  }

  async #answer(
    worker: Worker,
    { ask, path, host, accept }: Extract<FromThread, { ask: number }>,
  ): Promise<void> {
    const response = this.#responseTo(path, host, accept);
    worker.postMessage({
      answer: ask,
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: await response.text(),
    } satisfies ToThread);
  }

  #responseTo(path: string, host: string | null, accept: string | null): Response {
    if (!this.#hosts.has(host)) return this.#refused(host ?? "");
    return operationAnswer(path as OperationPath, this.#operations, accept);
  }

  #refused(host: string): Response {
    const name = nameIn(host);
    if (name === undefined) return new Response("the header Host has to name one host\n", { status: 400 });
    this.#notices.warnOnce("a request for a host name that is not allowed was refused", "host", name, () => ({
      flag: `--allow-host ${name}`,
    }));
    return new Response(
      "the admin port answers only to IP addresses, localhost, and the host names in --allow-host\n",
      {
        status: 403,
      },
    );
  }
}

/** The URL of the thread's code. In the executable it is where `build/compile.ts` has put it. */
function threadUrl(): string {
  const isCompiled = Bun.main.startsWith("/$bunfs/") || Bun.main.includes("~BUN");
  return new URL(isCompiled ? "./ops/admin-thread.ts" : "./admin-thread.ts", import.meta.url).href;
}
