import { backoffMs } from "../backoff.ts";
import { isA, reasonOf } from "../errors.ts";
import type { Message } from "../message.ts";
import { type AnswerSink, Call, type CallTerms } from "./call.ts";
import { Deadline, TookTooLong } from "./deadline.ts";
import { HandlerMessage } from "./handler.ts";
import type { Place } from "./lanes.ts";
import { isStream, publishStream } from "./streams.ts";

/** The shortest and the longest wait between two attempts, in milliseconds. */
const attemptBackoff = { firstMs: 200, mostMs: 10_000 } as const;

/** Thrown if another attempt would do harm and no good. */
export class Hopeless extends Error {
  override readonly name = "Hopeless";
}

/** How often and for how long a handler is called, and who learns of failures. */
export interface AttemptLimits extends CallTerms {
  /** The most calls for one message. */
  readonly attempts: number;
  /** How long a handler may take between two signs of life. */
  readonly timeoutMs: number;
}

/** What became of a message. Its answers were published, but need not be confirmed. */
export type Outcome =
  | { readonly is: "answered" }
  | { readonly is: "failed"; readonly reason: string; readonly attempts: number };

const isAnswered: Outcome = { is: "answered" };

/** A `Handler`, or one that uses more of the call than handlers may. */
export type AttemptedHandler = (message: HandlerMessage, call: Call) => unknown;

/** A place in the lanes that no other task waits for. */
const ownPlace: Pick<Place, "pause" | "keepUntil"> = {
  pause: (ms) => Bun.sleep(ms),
  keepUntil: () => undefined,
};

/**
 * Calls the handler until it succeeds or has failed `attempts` times. A handler fails if it throws, rejects, gives no sign of life for
 * longer than `timeoutMs`, or returns what cannot be sent. The outcome is a promise only if the handler returned one.
 *
 * @param sink publishes the answers as they come
 * @param place waits between attempts, and counts a handler that goes on after its timeout
 */
export function attempt(
  handler: AttemptedHandler,
  message: Message,
  limits: AttemptLimits,
  sink: AnswerSink,
  place: Pick<Place, "pause" | "keepUntil"> = ownPlace,
): Outcome | Promise<Outcome> {
  const call = new Call(message, 1, limits, sink);
  try {
    const result = handler(new HandlerMessage(message), call);
    if (!isPending(result)) {
      finish(call, result);
      return isAnswered;
    }
    return completed(result, call, limits.timeoutMs, place).then(
      () => isAnswered,
      (error: unknown) =>
        call.isAbandoned ? isAnswered : again(handler, message, limits, sink, place, error),
    );
  } catch (error) {
    call.end();
    if (call.isAbandoned) return isAnswered;
    return again(handler, message, limits, sink, place, error);
  }
}

/** Whether a handler's result has to be waited for. */
export function isPending(result: unknown): boolean {
  return isThenable(result) || isStream(result);
}

/** Query builders return objects that can be awaited but are no `Promise`. */
function isThenable(result: unknown): result is PromiseLike<unknown> {
  return (
    typeof result === "object" && result !== null && "then" in result && typeof result.then === "function"
  );
}

async function again(
  handler: AttemptedHandler,
  message: Message,
  limits: AttemptLimits,
  sink: AnswerSink,
  place: Pick<Place, "pause" | "keepUntil">,
  firstError: unknown,
): Promise<Outcome> {
  const { attempts, timeoutMs, onFailure } = limits;
  let error = firstError;
  let made = 1;
  onFailure(error, message, made);
  while (made < attempts && !isA(error, Hopeless)) {
    await place.pause(backoffMs(made, attemptBackoff, Math.random()));
    const call = new Call(message, made + 1, limits, sink);
    try {
      await completed(handler(new HandlerMessage(message), call), call, timeoutMs, place);
      return isAnswered;
    } catch (nextError) {
      call.end();
      if (call.isAbandoned) return isAnswered;
      error = nextError;
      made++;
      onFailure(error, message, made);
    }
  }
  return { is: "failed", reason: reasonOf(error), attempts: made };
}

/**
 * Waits for what a handler returned, and publishes it.
 *
 * @throws whatever it rejects with, TookTooLong, UnusableAnswer
 */
export async function completed(
  result: unknown,
  call: Call,
  timeoutMs: number,
  place: Pick<Place, "keepUntil">,
): Promise<void> {
  const deadline = new Deadline(
    timeoutMs,
    () => call.isUnconfirmed,
    (error) => call.abort(error),
  );
  call.onProgress = () => deadline.progress();
  try {
    // Convert it once: an object that can be awaited but is no promise may start again each time.
    const settled = Promise.resolve(result);
    const value = await deadline.wait(settled).catch((error: unknown) => {
      if (isA(error, TookTooLong)) place.keepUntil(settled);
      throw error;
    });
    if (isStream(value)) {
      await publishStream(value, call, deadline, (ending) => place.keepUntil(ending));
      finish(call, undefined);
    } else finish(call, value);
  } finally {
    deadline.stop();
    call.end();
  }
}

/**
 * Publishes the last answer of a handler.
 *
 * @throws UnusableAnswer if it cannot be sent, or if an earlier one could not
 */
export function finish(call: Call, result: unknown): void {
  if (call.fault !== undefined) throw call.fault.error;
  call.answer(result);
  call.end();
}
