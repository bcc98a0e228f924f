import type { BunRequest, Server } from "bun";
import { type AnyMetric, exposition, formatFor, formats } from "./metrics.ts";
import { isReading, notAllowed } from "./reading.ts";

/** What one path answers. */
export type Answer<S> = (
  request: BunRequest<string>,
  server: Server<S>,
) => Response | undefined | Promise<Response | undefined>;

/** What a server answers, by path. */
export type Routes<S> = Readonly<Record<string, Answer<S>>>;

/** What `/readyz` answers: ready, or why not. */
export type Readiness = { readonly ready: true } | { readonly ready: false; readonly why: string };

/** The answers to operators. */
export interface Operations {
  /** What `/readyz` answers. */
  readiness(): Readiness;
  /** What `/metrics` shows. */
  metrics(): readonly AnyMetric[];
}

/** The route for health. It reveals nothing, so anybody may ask, under any host name. */
export function healthRoute<S>(): Routes<S> {
  return { "/healthz": () => Response.json({ alive: true }) };
}

/** The other routes for operators, by path. They are on every role's admin port, or on the port of a manager without an admin port. */
const operationAnswers = {
  "/readyz": ({ readiness }, _) => readinessAnswer(readiness()),
  "/metrics": ({ metrics }, accept) => metricsAnswer(metrics(), accept),
} as const satisfies Record<string, (operations: Operations, accept: string | null) => Response>;

/** A path of `operationAnswers`. */
export type OperationPath = keyof typeof operationAnswers;

/** The paths of all of them. */
export const operationPaths = Object.keys(operationAnswers) as readonly OperationPath[];

/** @param accept the request's `Accept` */
export function operationAnswer(
  path: OperationPath,
  operations: Operations,
  accept: string | null,
): Response {
  return operationAnswers[path](operations, accept);
}

/** The operators' routes, without health. */
export function operationRoutes<S>(operations: Operations): Routes<S> {
  const answerOf = (path: OperationPath): Answer<S> => {
    return ({ headers }) => operationAnswer(path, operations, headers.get("accept"));
  };
  return Object.fromEntries(operationPaths.map((path) => [path, answerOf(path)]));
}

/** The answer of an admin port for any other path. */
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

/** Wraps routes of a process that only answers questions: other methods are refused. */
export function readOnly<S>(routes: Routes<S>): Routes<S> {
  return Object.fromEntries(
    Object.entries(routes).map(([path, answer]) => [
      path,
      (request: BunRequest<string>, server: Server<S>) =>
        isReading(request) ? answer(request, server) : notAllowed(),
    ]),
  );
}
