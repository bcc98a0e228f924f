import type { Server } from "bun";
import { codeOf, reasonOf } from "../errors.ts";
import { isReading, notAllowed } from "./reading.ts";

/**
 * Serves the admin port of a process with a handler, on a thread of its own. A handler in an endless loop blocks the main thread, and a
 * liveness probe has to learn of that. The main thread increments a number in shared memory; if it stops doing so, it is stuck. Everything
 * else is answered by the main thread.
 */

/** Messages from the main thread. */
export type ToThread =
  | {
      readonly open: { readonly hostname: string; readonly port: number };
      /** The paths that the main thread answers. */
      readonly paths: readonly string[];
      /** The answer for any other path. */
      readonly notHere: string;
      /** The number that the main thread increments every `beatMs`. */
      readonly beats: SharedArrayBuffer;
      readonly beatMs: number;
      /** If the main thread has not incremented it for this long, it is stuck. In milliseconds. */
      readonly stuckAfterMs: number;
    }
  | {
      readonly answer: number;
      readonly status: number;
      readonly headers: Record<string, string>;
      readonly body: string;
    };

type Opening = Extract<ToThread, { open: unknown }>;

/** Messages to the main thread. */
export type FromThread =
  | { readonly listening: string }
  | { readonly failed: { readonly code: string | number | undefined; readonly reason: string } }
  | {
      readonly ask: number;
      readonly path: string;
      readonly host: string | null;
      readonly accept: string | null;
    };

/** How long the main thread may take to answer, in milliseconds. */
const answerWithinMs = 5000;
/** How many questions may wait for the main thread. More are refused. */
const askedMax = 100;

const asked = new Map<number, (response: Response) => void>();
let numbers = 0;
/**
 * For how long the main thread has not incremented the number, in milliseconds. Only this thread's own running time counts, since a frozen
 * process is not stuck.
 */
let stuckMs = 0;

declare const self: Worker;
const tell = (message: FromThread) => self.postMessage(message);

self.onmessage = ({ data }: MessageEvent<ToThread>) => {
  if ("open" in data) {
    watch(new Int32Array(data.beats), data.beatMs);
    open(data);
  } else {
    asked.get(data.answer)?.(new Response(data.body, { status: data.status, headers: data.headers }));
    asked.delete(data.answer);
  }
};

function watch(beats: Int32Array, beatMs: number): void {
  let last = Atomics.load(beats, 0);
  setInterval(() => {
    const now = Atomics.load(beats, 0);
    stuckMs = now === last ? stuckMs + beatMs : 0;
    last = now;
  }, beatMs);
}

function open(told: Opening): void {
  const { hostname, port } = told.open;
  let server: Server<undefined>;
  try {
    server = Bun.serve({
      hostname,
      port,
      development: false,
      reusePort: false,
      fetch: (request) => respond(request, told),
    });
  } catch (error) {
    tell({ failed: { code: codeOf(error), reason: reasonOf(error) } });
    return;
  }
  tell({ listening: server.url.href });
}

function respond(
  { url, method, headers }: Request,
  { paths, notHere, stuckAfterMs }: Opening,
): Response | Promise<Response> {
  const path = URL.parse(url)?.pathname ?? "";
  if (path !== "/healthz" && !paths.includes(path)) return new Response(notHere, { status: 404 });
  if (!isReading({ method })) return notAllowed();
  if (stuckMs >= stuckAfterMs) return stuck(path);
  if (path === "/healthz") return Response.json({ alive: true });
  return ask(path, headers);
}

function stuck(path: string): Response {
  const why = `the handler has kept the event loop to itself for ${Math.round(stuckMs / 1000)} s: nothing else happens in this process`;
  if (path === "/healthz") return Response.json({ alive: false, why }, { status: 503 });
  if (path === "/readyz") return Response.json({ ready: false, why }, { status: 503 });
  return new Response(`${why}\n`, { status: 503 });
}

function ask(path: string, headers: Headers): Response | Promise<Response> {
  if (asked.size >= askedMax) return new Response("too many questions at once\n", { status: 503 });
  const number = ++numbers;
  const answer = Promise.withResolvers<Response>();
  const timer = setTimeout(() => {
    asked.delete(number);
    answer.resolve(stuck(path));
  }, answerWithinMs);
  asked.set(number, (response) => {
    clearTimeout(timer);
    answer.resolve(response);
  });
  tell({ ask: number, path, host: headers.get("host"), accept: headers.get("accept") });
  return answer.promise;
}
