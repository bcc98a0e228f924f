import { backoffMs } from "../broker/backoff.ts";
import { reasonOf } from "../errors.ts";
import type { Message, OutgoingMessage } from "../message.ts";
import { answersOf } from "./answers.ts";
import { type Handler, HandlerMessage } from "./handler.ts";
import type { Pause } from "./lanes.ts";

/** The first wait between attempts and the longest, in milliseconds. */
const attemptBackoff = { firstMs: 200, mostMs: 10_000 } as const;

export interface AttemptLimits {
  readonly attempts: number;
  readonly timeoutMs: number;
}

/** What became of a message. */
export type Outcome =
  | { readonly is: "answered"; readonly answers: readonly OutgoingMessage[] }
  | { readonly is: "failed"; readonly reason: string; readonly attempts: number };

const sleep: Pause = (ms) => Bun.sleep(ms);

/**
 * Calls the handler until it succeeds or has failed `attempts` times. A handler fails when it throws, rejects, takes
 * longer than `timeoutMs`, or returns what cannot be sent. The outcome is a promise only where there was one to wait for.
 *
 * @param pause waits between attempts
 */
export function attempt(
  handler: Handler,
  message: Message,
  limits: AttemptLimits,
  pause: Pause = sleep,
): Outcome | Promise<Outcome> {
  try {
    const result = handler(new HandlerMessage(message));
    if (!isThenable(result)) return { is: "answered", answers: answersOf(result, message) };
    return answered(result, message, limits.timeoutMs).catch((error: unknown) =>
      again(handler, message, limits, pause, error),
    );
  } catch (error) {
    return again(handler, message, limits, pause, error);
  }
}

/** Query builders return what can be awaited and is no `Promise`. */
function isThenable(result: unknown): result is PromiseLike<unknown> {
  return (
    typeof result === "object" && result !== null && "then" in result && typeof result.then === "function"
  );
}

async function again(
  handler: Handler,
  message: Message,
  limits: AttemptLimits,
  pause: Pause,
  firstError: unknown,
): Promise<Outcome> {
  let error = firstError;
  for (let attempts = 1; attempts < limits.attempts; attempts++) {
    await pause(backoffMs(attempts, attemptBackoff, Math.random()));
    try {
      return await answered(handler(new HandlerMessage(message)), message, limits.timeoutMs);
    } catch (nextError) {
      error = nextError;
    }
  }
  return { is: "failed", reason: reasonOf(error), attempts: limits.attempts };
}

async function answered(result: unknown, message: Message, timeoutMs: number): Promise<Outcome> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => timeout.reject(new Error(`the handler took longer than ${timeoutMs} ms`)),
    timeoutMs,
  );
  try {
    return { is: "answered", answers: answersOf(await Promise.race([result, timeout.promise]), message) };
  } finally {
    clearTimeout(timer);
  }
}
