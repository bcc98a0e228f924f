import { afterEach, beforeEach, describe, expect, jest, type Mock, spyOn, test } from "bun:test";
import type { Body, Message } from "../../../src/message.ts";
import { attempt as attemptWith, type Outcome } from "../../../src/processor/attempts.ts";
import type { Handler } from "../../../src/processor/handler.ts";
import type { Place } from "../../../src/processor/lanes.ts";
import { PublishedAnswers } from "../doubles/published-answers.ts";
import { RecordingLogger } from "../doubles/recording-logger.ts";

const message: Message = {
  id: "m-1",
  body: "hello",
  topic: "a",
  clientId: "c",
  headers: undefined,
  appId: "manager-1",
  timestamp: 1,
};
const limits = { attempts: 3, timeoutMs: 1000 };

interface Answered {
  readonly is: "answered";
  readonly bodies: readonly Body[];
}
type Seen = Answered | Extract<Outcome, { readonly is: "failed" }>;

const answered = (...bodies: string[]): Seen => ({ is: "answered", bodies });
const failed = (reason: string, attempts = 3): Seen => ({ is: "failed", reason, attempts });

interface Terms {
  readonly attempts: number;
  readonly timeoutMs: number;
  readonly onFailure?: (error: unknown, message: Message, attempt: number) => void;
}

/** With what has been published, all of which is confirmed at once. */
function attempt(
  handler: Handler,
  asked: Message,
  terms: Terms,
  place?: Pick<Place, "pause" | "keepUntil">,
): Seen | Promise<Seen> {
  const sink = new PublishedAnswers();
  const limits = { group: "g", logger: new RecordingLogger(), onFailure: () => undefined, ...terms };
  const seen = (outcome: Outcome): Seen =>
    outcome.is === "failed" ? outcome : { is: "answered", bodies: sink.answers.map(({ body }) => body) };
  const outcome = attemptWith(handler, asked, limits, sink, place);
  return outcome instanceof Promise ? outcome.then(seen) : seen(outcome);
}

/** Waits between attempts are told and not waited for. */
let waits: Mock<typeof Bun.sleep>;
beforeEach(() => {
  waits = spyOn(Bun, "sleep").mockImplementation(() => Promise.resolve());
});
afterEach(() => {
  waits.mockRestore();
  jest.useRealTimers();
});

/** A handler that does one thing after another, the last one again and again. */
function handlerThat(...steps: readonly Handler[]) {
  let calls = 0;
  const handler: Handler = (given, context) => steps[Math.min(calls++, steps.length - 1)]!(given, context);
  return { handler, calls: () => calls };
}
const fails: Handler = () => {
  throw new Error("failed");
};

describe("a handler that returns at once", () => {
  test("has its outcome at once: no promise, no timer", () => {
    jest.useFakeTimers();
    expect(attempt(() => "hi", message, limits)).toEqual(answered("hi"));
    expect(attempt(() => undefined, message, limits)).toEqual(answered());
    expect(jest.getTimerCount()).toBe(0);
  });

  test("is called with the message, its text and its JSON", () => {
    let seen: unknown;
    void attempt(
      (given) => {
        seen = [given.id, given.body, given.text, given.topic, given.clientId, given.appId, given.timestamp];
      },
      message,
      limits,
    );
    expect(seen).toEqual(["m-1", "hello", "hello", "a", "c", "manager-1", 1]);
  });
});

describe("a handler that returns a promise", () => {
  test("has its outcome when that is fulfilled", async () => {
    const outcome = attempt(() => Promise.resolve(["one", "two"]), message, limits);
    expect(outcome).toBeInstanceOf(Promise);
    expect(await outcome).toEqual(answered("one", "two"));
  });

  test("leaves no timer behind", async () => {
    jest.useFakeTimers();
    await attempt(() => Promise.resolve("hi"), message, limits);
    await attempt(() => Promise.reject(new Error("no")), message, { ...limits, attempts: 2 });
    expect(jest.getTimerCount()).toBe(0);
  });

  test("may return something else that can be awaited", async () => {
    // biome-ignore lint/suspicious/noThenProperty: it is what query builders return
    const query = { then: (resolve: (value: string) => void) => resolve("rows") };
    expect(await attempt(() => query, message, limits)).toEqual(answered("rows"));
  });
});

describe("a handler that fails", () => {
  test.each<[string, Handler, string]>([
    ["throws", fails, "failed"],
    ["rejects", () => Promise.reject(new Error("rejected")), "rejected"],
    ["returns rubbish", () => 42, "not number"],
    ["resolves to rubbish", () => Promise.resolve(42), "not number"],
    ["throws several lines", () => Promise.reject(new Error("one\n  two")), "one two"],
    ["throws a text", () => Promise.reject("just a text"), "just a text"],
    ["throws nothing", () => Promise.reject(), "undefined"],
    ["throws an error without a text", () => Promise.reject(new TypeError()), "TypeError"],
    [
      "throws what throws when it is asked",
      () => Promise.reject(new Proxy({}, { getPrototypeOf: () => fails(undefined!, undefined!) as never })),
      "has no text",
    ],
    ["throws what has no text", () => Promise.reject(Object.create(null)), "has no text"],
    [
      "throws an error whose text is none",
      () => Promise.reject(Object.assign(new Error(), { message: Object.create(null) })),
      "has no text",
    ],
  ])("and %s every time has failed after all attempts, with the reason", async (_, step, reason) => {
    const { handler, calls } = handlerThat(step);
    const outcome = await attempt(handler, message, limits);
    expect(outcome).toMatchObject({ is: "failed", attempts: 3 });
    expect(outcome.is === "failed" && outcome.reason).toInclude(reason);
    expect(calls()).toBe(3);
  });

  test("tells the reason of the last attempt", async () => {
    const { handler } = handlerThat(fails, fails, () => Promise.reject(new Error("last")));
    expect(await attempt(handler, message, limits)).toEqual(failed("last"));
  });

  test("and then succeeds has answered, and is not called again", async () => {
    const { handler, calls } = handlerThat(fails, () => "second try", fails);
    expect(await attempt(handler, message, limits)).toEqual(answered("second try"));
    expect(calls()).toBe(2);
  });

  test("at the last attempt still counts when it succeeds", async () => {
    const { handler } = handlerThat(fails, fails, () => Promise.resolve("third try"));
    expect(await attempt(handler, message, limits)).toEqual(answered("third try"));
  });

  test("with one attempt has failed without a wait", async () => {
    const { handler, calls } = handlerThat(fails);
    expect(await attempt(handler, message, { ...limits, attempts: 1 })).toEqual(failed("failed", 1));
    expect(calls()).toBe(1);
    expect(waits).not.toHaveBeenCalled();
  });

  test("waits between attempts, each time up to twice as long, never longer than ten seconds", async () => {
    await attempt(handlerThat(fails).handler, message, { ...limits, attempts: 12 });
    const waited = waits.mock.calls.map(([ms]) => Number(ms));
    expect(waited.length).toBe(11);
    for (const [index, ms] of waited.entries()) {
      const bound = Math.min(10_000, 200 * 2 ** index);
      expect(ms).toBeGreaterThanOrEqual(bound / 10);
      expect(ms).toBeLessThanOrEqual(bound);
    }
  });

  test("gets a message of its own each time, so that one attempt cannot spoil the next", async () => {
    const seen = new Set<unknown>();
    const { handler } = handlerThat((given) => {
      seen.add(given);
      throw new Error("failed");
    });
    await attempt(handler, message, limits);
    expect(seen.size).toBe(3);
    expect(message.body).toBe("hello");
  });
});

test("every attempt that fails is heard of, with its error and its number", async () => {
  const heard: unknown[] = [];
  const onFailure = (error: unknown, { id }: Message, number: number) =>
    void heard.push([(error as Error).message, id, number]);
  const { handler } = handlerThat(
    fails,
    () => Promise.reject(new Error("another")),
    () => "third try",
  );
  expect(await attempt(handler, message, { ...limits, onFailure })).toEqual(answered("third try"));
  expect(heard).toEqual([
    ["failed", "m-1", 1],
    ["another", "m-1", 2],
  ]);
});

describe("a handler that hangs", () => {
  const hangs: Handler = () => new Promise(() => undefined);
  /** Lets the promises that are due settle. */
  const settle = async () => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };

  test("has failed after the timeout of its last attempt", async () => {
    jest.useFakeTimers();
    const { handler, calls } = handlerThat(hangs);
    const outcome = attempt(handler, message, { attempts: 2, timeoutMs: 1000 });
    jest.advanceTimersByTime(999);
    await settle();
    expect(calls()).toBe(1);
    jest.advanceTimersByTime(1);
    await settle();
    expect(calls()).toBe(2);
    jest.advanceTimersByTime(1000);
    expect(await outcome).toEqual(failed("the handler took longer than 1000 ms", 2));
    expect(jest.getTimerCount()).toBe(0);
  });

  test("keeps its place until it has ended, and is not told of when it ends in time", async () => {
    jest.useFakeTimers();
    const kept: Promise<unknown>[] = [];
    const place = { pause: () => Promise.resolve(), keepUntil: (it: Promise<unknown>) => void kept.push(it) };
    const late = Promise.withResolvers<string>();
    const { handler } = handlerThat(
      () => late.promise,
      () => Promise.resolve("second try"),
    );
    const outcome = attempt(handler, message, limits, place);
    jest.advanceTimersByTime(1000);
    expect(await outcome).toEqual(answered("second try"));
    expect(kept).toEqual([late.promise]);
  });

  test("and fails later disturbs nobody", async () => {
    jest.useFakeTimers();
    const late = Promise.withResolvers<never>();
    const { handler } = handlerThat(
      () => late.promise,
      () => "second try",
    );
    const outcome = attempt(handler, message, limits);
    jest.advanceTimersByTime(1000);
    expect(await outcome).toEqual(answered("second try"));
    // An unhandled rejection would fail this test.
    late.reject(new Error("too late"));
    await settle();
  });
});
