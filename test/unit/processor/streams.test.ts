// biome-ignore-all lint/suspicious/useAwait: a generator that yields at once has nothing to wait for
import { afterEach, beforeEach, describe, expect, type Mock, spyOn, test } from "bun:test";
import type { Waiter } from "../../../src/envelope/waiter.ts";
import type { Message, OutgoingMessage } from "../../../src/message.ts";
import { Answering } from "../../../src/processor/answering.ts";
import { attempt } from "../../../src/processor/attempts.ts";
import type { Handler } from "../../../src/processor/handler.ts";
import { RecordingLogger } from "../doubles/recording-logger.ts";
import { turn } from "../doubles/turn.ts";

const message: Message = {
  id: "m-1",
  body: "hello",
  topic: "a",
  clientId: "c",
  headers: undefined,
  appId: "manager-1",
  timestamp: 1,
};

let waits: Mock<typeof Bun.sleep>;
beforeEach(() => {
  waits = spyOn(Bun, "sleep").mockImplementation(() => Promise.resolve());
});
afterEach(() => {
  waits.mockRestore();
});

/** Attempts whose answers are confirmed when the test says so, or at once. */
function attempting(handler: Handler, { attempts = 2, timeoutMs = 60_000, isConfirming = true } = {}) {
  const published: OutgoingMessage[] = [];
  const waiters: Waiter[] = [];
  const outbox = {
    isFull: false,
    append(answer: OutgoingMessage, waiter?: Waiter) {
      published.push(answer);
      if (isConfirming) setImmediate(() => waiter!.confirmed());
      else waiters.push(waiter!);
      return published.length;
    },
  };
  const logger = new RecordingLogger();
  const failures: string[] = [];
  const onFailure = (error: unknown) => void failures.push((error as Error).message);
  const answering = new Answering("m-1", "g", outbox);
  const limits = { attempts, timeoutMs, group: "g", logger, onFailure };
  const kept: Promise<unknown>[] = [];
  const place = { pause: () => Promise.resolve(), keepUntil: (it: Promise<unknown>) => void kept.push(it) };
  const outcome = attempt(handler, message, limits, answering, place);
  const bodies = () => published.map(({ body }) => body);
  return { outcome, published, bodies, waiters, answering, failures, logger, kept };
}

const answered = { is: "answered" } as const;

describe("an async generator", () => {
  test("has each of its answers published at once, in order, and is done after the last", async () => {
    const gate = Promise.withResolvers<void>();
    const { outcome, bodies } = attempting(async function* () {
      yield "one";
      yield ["two", { three: 3 }];
      await gate.promise;
      yield { to: { topic: "b" }, body: "four" };
    });
    await turn();
    expect(bodies()).toEqual(["one", "two", '{"three":3}']);
    gate.resolve();
    expect(await outcome).toEqual(answered);
    expect(bodies()).toEqual(["one", "two", '{"three":3}', "four"]);
  });

  test("that fails half way is tried again, and what was published is not published again", async () => {
    let attempts = 0;
    const { outcome, published, failures } = attempting(async function* () {
      const nth = ++attempts;
      yield "one";
      yield "two";
      if (nth === 1) throw new Error("half way");
      yield "three";
    });
    expect(await outcome).toEqual(answered);
    expect(published.map(({ id, body }) => [id, body])).toEqual([
      ["m-1/g/1", "one"],
      ["m-1/g/2", "two"],
      ["m-1/g/3", "three"],
    ]);
    expect(failures).toEqual(["half way"]);
  });

  test("that yields what cannot be sent has failed, has cleaned up, and none of that yield is sent", async () => {
    let cleaned = 0;
    const { outcome, bodies } = attempting(async function* () {
      try {
        yield "fine";
        yield ["fine too", { to: "alice", body: "secret" }];
        yield "never";
      } finally {
        cleaned++;
      }
    });
    expect(await outcome).toMatchObject({ is: "failed", attempts: 2 });
    expect(bodies()).toEqual(["fine"]);
    expect(cleaned).toBe(2);
  });

  test("may take longer than the timeout in all, but not between two answers", async () => {
    waits.mockRestore();
    const patient = attempting(
      async function* () {
        for (let tick = 0; tick < 8; tick++) {
          await new Promise((resolve) => setTimeout(resolve, 20));
          yield String(tick);
        }
      },
      { timeoutMs: 100 },
    );
    expect(await patient.outcome).toEqual(answered);
    let signal: AbortSignal | undefined;
    let cleaned = 0;
    const hanging = attempting(
      async function* (_, context) {
        signal = context.signal;
        try {
          yield "first";
          await new Promise((_, reject) => signal!.addEventListener("abort", () => reject(signal!.reason)));
        } finally {
          cleaned++;
        }
      },
      { timeoutMs: 50, attempts: 1 },
    );
    expect(await hanging.outcome).toEqual({
      is: "failed",
      reason: "the handler took longer than 50 ms",
      attempts: 1,
    });
    expect(signal!.aborted).toBe(true);
    await hanging.kept[0];
    expect(cleaned).toBe(1);
  });

  test("is not held to its timeout while RabbitMQ has yet to confirm what it published", async () => {
    waits.mockRestore();
    const { outcome, waiters } = attempting(
      async (_, { publish }) => {
        await publish("one");
        return "two";
      },
      { timeoutMs: 20, isConfirming: false },
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    waiters[0]!.confirmed();
    expect(await outcome).toEqual(answered);
  });

  test("is held back by what is not confirmed, and leaves turns to others, however fast it is", async () => {
    let yields = 0;
    const { bodies } = attempting(
      async function* () {
        for (;;) yield String(yields++);
      },
      { isConfirming: false },
    );
    for (let i = 0; i < 10; i++) await turn();
    expect(bodies()).toHaveLength(64);
    let idle = 0;
    const silent = attempting(async function* () {
      for (; idle < 1_000_000; idle++) yield undefined;
    });
    await turn();
    expect(idle).toBeLessThan(1000);
    idle = 1_000_000;
    expect(await silent.outcome).toEqual(answered);
  });

  test("need not be async, nor one of JavaScript's own", async () => {
    const plain = attempting(function* () {
      yield "one";
      yield "two";
    });
    expect(await plain.outcome).toEqual(answered);
    expect(plain.bodies()).toEqual(["one", "two"]);
    const stream = attempting(() => new Response("streamed").body);
    expect(await stream.outcome).toEqual(answered);
    expect(stream.bodies()).toEqual([new TextEncoder().encode("streamed")]);
    const promised = attempting(() => Promise.resolve(new Response("x").body));
    expect(await promised.outcome).toEqual(answered);
    expect(promised.bodies()).toEqual([new TextEncoder().encode("x")]);
  });
});

describe("context.publish", () => {
  test("sends at once, in one order with what is returned, and waits for the confirm", async () => {
    const steps: string[] = [];
    const { outcome, published, waiters } = attempting(
      async (_, { publish }) => {
        await publish("one");
        steps.push("confirmed");
        return "two";
      },
      { isConfirming: false },
    );
    await turn();
    expect([published.length, steps]).toEqual([1, []]);
    waiters[0]!.confirmed();
    expect(await outcome).toEqual(answered);
    expect(published.map(({ id, body }) => [id, body])).toEqual([
      ["m-1/g/1", "one"],
      ["m-1/g/2", "two"],
    ]);
  });

  test("of what cannot be sent fails the handler, even one that does not wait or is not async", async () => {
    const forgetful = attempting((_, { publish }) => {
      void publish({ to: "alice", body: "secret" });
      return "returned";
    });
    expect(await forgetful.outcome).toMatchObject({ is: "failed" });
    expect(forgetful.bodies()).toEqual([]);
    const deaf = attempting(async (_, { publish }) => {
      await publish({ to: "alice", body: "secret" }).catch(() => undefined);
    });
    expect(await deaf.outcome).toMatchObject({ is: "failed" });
  });

  test("without waiting is bounded", async () => {
    const { outcome, published } = attempting(
      (_, { publish }) => {
        for (let i = 0; i < 2000; i++) void publish("again");
      },
      { isConfirming: false, attempts: 1 },
    );
    expect(await outcome).toMatchObject({
      is: "failed",
      reason: expect.stringContaining("too many answers at once"),
    });
    expect(published).toHaveLength(1000);
  });

  test("after the handler has ended is refused, and that is reported", async () => {
    let late: ((answer: string) => Promise<void>) | undefined;
    const { outcome, published, failures } = attempting((_, { publish }) => {
      late = publish;
    });
    expect(await outcome).toEqual(answered);
    await expect(late!("late")).rejects.toThrow("after its handler had ended");
    expect(published).toEqual([]);
    expect(failures).toEqual(["an answer that was published after its handler had ended"]);
  });

  test("that RabbitMQ does not take rejects, and fails the handler", async () => {
    const { outcome, waiters } = attempting(async (_, { publish }) => await publish("one"), {
      isConfirming: false,
      attempts: 1,
    });
    waiters[0]!.setAside("too large");
    expect(await outcome).toMatchObject({ is: "failed", reason: "an answer was set aside: too large" });
  });
});

test("a handler is told which attempt it is, its group, and has a log that names the message", async () => {
  const seen: unknown[] = [];
  const { outcome, logger } = attempting((_, { attempt: nth, group, log: own }) => {
    seen.push([nth, group]);
    own.info("working", { step: 1 });
    if (nth === 1) throw new Error("first");
  });
  expect(await outcome).toEqual(answered);
  expect(seen).toEqual([
    [1, "g"],
    [2, "g"],
  ]);
  expect(logger.lines[0]).toEqual({
    level: "info",
    message: "working",
    fields: { step: 1, message: "m-1", client: "c", topic: "a" },
  });
});
