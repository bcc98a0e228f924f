import type { BunRequest, Server } from "bun";
import { type AnyMetric, exposition, formatFor, formats } from "./metrics.ts";

/** What one path answers. */
export type Answer<S> = (
  request: BunRequest<string>,
  server: Server<S>,
) => Response | undefined | Promise<Response | undefined>;

/** What a server answers, by path. */
export type Routes<S> = Readonly<Record<string, Answer<S>>>;

/** What `/readyz` answers: ready, or why not. */
export type Readiness = { readonly ready: true } | { readonly ready: false; readonly why: string };

/** What operators ask a process. */
export interface Operations {
  /** What `/readyz` answers. */
  readiness(): Readiness;
  /** What `/metrics` shows. */
  metrics(): readonly AnyMetric[];
}

/** Tells nothing but that there is an answer, so anybody may ask, under any name. */
export function healthRoute<S>(): Routes<S> {
  return { "/healthz": () => Response.json({ alive: true }) };
}

/** What operators may ask besides the health, by path. Every role's admin port answers it, and a manager without one on its own port. */
const operationAnswers = {
  "/readyz": ({ readiness }, _) => readinessAnswer(readiness()),
  "/metrics": ({ metrics }, accept) => metricsAnswer(metrics(), accept),
} as const satisfies Record<string, (operations: Operations, accept: string | null) => Response>;

/** A path of `operationAnswers`. */
export type OperationPath = keyof typeof operationAnswers;

/** All of them. */
export const operationPaths = Object.keys(operationAnswers) as readonly OperationPath[];

/** @param accept what the request says it takes */
export function operationAnswer(
  path: OperationPath,
  operations: Operations,
  accept: string | null,
): Response {
  return operationAnswers[path](operations, accept);
}

/** The routes for operators, which clients do not need, besides the health. */
export function operationRoutes<S>(operations: Operations): Routes<S> {
  const answerOf = (path: OperationPath): Answer<S> => {
    return ({ headers }) => operationAnswer(path, operations, headers.get("accept"));
  };
  return Object.fromEntries(operationPaths.map((path) => [path, answerOf(path)]));
}

/** What an admin port says of a path that it does not have. */
export function notHere(): string {
  return `Not found. Here are ${["/healthz", ...operationPaths].join(", ")}.\n`;
}

function readinessAnswer(now: Readiness): Response {
  return Response.json(now, { status: now.ready ? 200 : 503 });
}

function metricsAnswer(metrics: readonly AnyMetric[], accept: string | null): Response {
  const format = formatFor(accept);
  return new Response(exposition(metrics, format), {
    headers: { "content-type": formats[format].contentType, vary: "Accept" },
  });
}

/** The routes of a process that only answers questions: other methods are told that there is nothing to do. */
export function readOnly<S>(routes: Routes<S>): Routes<S> {
  return Object.fromEntries(
    Object.entries(routes).map(([path, answer]) => [
      path,
      (request: BunRequest<string>, server: Server<S>) =>
        isReading(request) ? answer(request, server) : notAllowed(),
    ]),
  );
}

/** Whether a request only asks. */
export function isReading({ method }: Request): boolean {
  return method === "GET" || method === "HEAD";
}

/** The answer to any method that does more than ask. */
export function notAllowed(): Response {
  return new Response("There is nothing to do here but GET.\n", {
    status: 405,
    headers: { allow: "GET, HEAD" },
  });
}
