import { isA } from "../errors.ts";
import type { Call } from "./call.ts";
import { type Deadline, TookTooLong } from "./deadline.ts";

/** After this many answers in a row, a stream that never waits lets the event loop have a turn. */
const yieldsInTurn = 64;

/** A result that yields answers one after another: an async generator, a generator, or a `ReadableStream`. */
type Stream = Partial<AsyncIterable<unknown>> & Partial<Iterable<unknown>>;
type Steps = AsyncIterator<unknown> | Iterator<unknown>;

/** Whether a handler's result is a stream, as `for await` takes it. */
export function isStream(value: unknown): value is Stream {
  if (typeof value !== "object" || value === null) return false;
  return (
    Symbol.asyncIterator in value ||
    (Symbol.iterator in value && "next" in value && typeof value.next === "function")
  );
}

/**
 * Publishes what a stream yields, as it comes. It is not read much faster than RabbitMQ confirms.
 *
 * @param keepUntil counts the stream's work after the deadline
 * @throws whatever the stream throws, TookTooLong if it is silent for too long, UnusableAnswer if what it yields cannot be sent
 */
export async function publishStream(
  stream: Stream,
  call: Call,
  deadline: Deadline,
  keepUntil: (settled: Promise<unknown>) => void,
): Promise<void> {
  const steps = stepsOf(stream);
  let isAtItsEnd = false;
  try {
    for (let yields = 1; ; yields++) {
      const step = Promise.resolve(steps.next());
      isAtItsEnd = true;
      const { done, value } = await deadline.wait(step);
      isAtItsEnd = done === true;
      if (isAtItsEnd) return;
      call.answer(value);
      for (let room = call.room(); room !== undefined; room = call.room()) await room;
      if (yields % yieldsInTurn === 0) await nextTurn();
      if (call.fault !== undefined) throw call.fault.error;
    }
  } catch (error) {
    // A generator that threw has ended. One that is late ends when its current step does, with its cleanup.
    if (isA(error, TookTooLong)) keepUntil(ended(steps));
    else if (!isAtItsEnd) await deadline.wait(ended(steps)).catch(() => undefined);
    throw error;
  }
}

function stepsOf(stream: Stream): Steps {
  const steps: unknown = stream[Symbol.asyncIterator]?.() ?? stream[Symbol.iterator]?.();
  return steps as Steps;
}

/** Lets the stream run its `finally`. An error in that is ignored, since a failure was reported before. */
async function ended(steps: Steps): Promise<void> {
  await steps.return?.();
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
