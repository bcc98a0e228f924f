import { backoffMs } from "../backoff.ts";
import { reasonOf } from "../errors.ts";
import type { Message, OutgoingMessage } from "../message.ts";
import { answersOf } from "./answers.ts";
import { type Handler, HandlerMessage } from "./handler.ts";
import type { Place } from "./lanes.ts";

/** The first wait between attempts and the longest, in milliseconds. */
const attemptBackoff = { firstMs: 200, mostMs: 10_000 } as const;

/** Another attempt would do harm and no good. */
export class Hopeless extends Error {
  override readonly name = "Hopeless";
}

export interface AttemptLimits {
  readonly attempts: number;
  readonly timeoutMs: number;
  /** Hears of every attempt that fails, by its number from 1. */
  readonly onFailure?: (error: unknown, message: Message, attempt: number) => void;
}

/** What became of a message. */
export type Outcome =
  | { readonly is: "answered"; readonly answers: readonly OutgoingMessage[] }
  | { readonly is: "failed"; readonly reason: string; readonly attempts: number };

/** A place that nobody else waits for. */
const ownPlace: Pick<Place, "pause" | "keepUntil"> = {
  pause: (ms) => Bun.sleep(ms),
  keepUntil: () => undefined,
};

/**
 * Calls the handler until it succeeds or has failed `attempts` times. A handler fails when it throws, rejects, takes
 * longer than `timeoutMs`, or returns what cannot be sent. The outcome is a promise only where there was one to wait for.
 *
 * @param place waits between attempts, and counts a handler that goes on after its timeout
 */
export function attempt(
  handler: Handler,
  message: Message,
  limits: AttemptLimits,
  place: Pick<Place, "pause" | "keepUntil"> = ownPlace,
): Outcome | Promise<Outcome> {
  try {
    const result = handler(new HandlerMessage(message));
    if (!isThenable(result)) return { is: "answered", answers: answersOf(result, message) };
    return answered(result, message, limits.timeoutMs, place).catch((error: unknown) =>
      again(handler, message, limits, place, error),
    );
  } catch (error) {
    return again(handler, message, limits, place, error);
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
  { attempts, timeoutMs, onFailure }: AttemptLimits,
  place: Pick<Place, "pause" | "keepUntil">,
  firstError: unknown,
): Promise<Outcome> {
  let error = firstError;
  let made = 1;
  onFailure?.(error, message, made);
  while (made < attempts && !(error instanceof Hopeless)) {
    await place.pause(backoffMs(made, attemptBackoff, Math.random()));
    try {
      return await answered(handler(new HandlerMessage(message)), message, timeoutMs, place);
    } catch (nextError) {
      error = nextError;
      made++;
      onFailure?.(error, message, made);
    }
  }
  return { is: "failed", reason: reasonOf(error), attempts: made };
}

async function answered(
  result: unknown,
  message: Message,
  timeoutMs: number,
  place: Pick<Place, "keepUntil">,
): Promise<Outcome> {
  // Once: what can be awaited but is no promise may begin anew each time.
  const settled = Promise.resolve(result);
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    place.keepUntil(settled);
    timeout.reject(new Error(`the handler took longer than ${timeoutMs} ms`));
  }, timeoutMs);
  try {
    return { is: "answered", answers: answersOf(await Promise.race([settled, timeout.promise]), message) };
  } finally {
    clearTimeout(timer);
  }
}
