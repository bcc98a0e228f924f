import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { inItsTrace } from "../../../src/processor/current-trace.ts";
import { HandlerMessage } from "../../../src/processor/handler.ts";
import type { HandlerContext } from "../../../src/processor/handler-types.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";
const traceparent = `00-${traceId}-${spanId}-01`;
const message = new HandlerMessage({
  id: "1",
  body: "",
  topic: "",
  clientId: undefined,
  appId: undefined,
  timestamp: undefined,
});

const contextWith = (parts: Partial<HandlerContext>) =>
  ({ traceparent: undefined, tracestate: undefined, ...parts }) as HandlerContext;
const current = () => trace.getActiveSpan()?.spanContext();

describe("a handler of a message with a traceparent, where OpenTelemetry's API is registered", () => {
  beforeEach(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  });
  afterEach(() => context.disable());

  test("runs in the message's span, also after it has waited", async () => {
    const handler = inItsTrace(async () => {
      const before = current();
      await Bun.sleep(1);
      return [before, current()];
    });
    const [before, after] = (await handler(
      message,
      contextWith({ traceparent, tracestate: "a=1, b=2" }),
    )) as [ReturnType<typeof current>, ReturnType<typeof current>];
    expect(before).toMatchObject({ traceId, spanId, traceFlags: 1, isRemote: true });
    expect(after).toMatchObject({ traceId, spanId });
    expect(after?.traceState?.get("b")).toBe("2");
    expect(after?.traceState?.serialize()).toBe("a=1, b=2");
    expect(current()).toBeUndefined();
  });

  test("runs in it between the answers that it yields, and at its end", async () => {
    const seen: (string | undefined)[] = [];
    const handler = inItsTrace(async function* () {
      try {
        seen.push(current()?.spanId);
        yield "one";
        await Bun.sleep(1);
        seen.push(current()?.spanId);
        yield "two";
      } finally {
        seen.push(current()?.spanId);
      }
    });
    const stream = handler(message, contextWith({ traceparent })) as AsyncIterable<string>;
    const answers: string[] = [];
    for await (const answer of stream) {
      answers.push(answer);
      if (answers.length === 2) break;
    }
    expect(answers).toEqual(["one", "two"]);
    expect(seen).toEqual([spanId, spanId, spanId]);
  });

  test("of two messages side by side, each runs in its own", async () => {
    const handler = inItsTrace(async () => {
      await Bun.sleep(1);
      return current()?.spanId;
    });
    const other = "b7ad6b7169203331";
    const both = [traceparent, `00-${traceId}-${other}-00`].map((each) =>
      handler(message, contextWith({ traceparent: each })),
    );
    expect(await Promise.all(both)).toEqual([spanId, other]);
  });

  test.each([undefined, "nonsense", `00-${"0".repeat(32)}-${spanId}-01`])(
    "runs without a span where it says %s",
    (given) => {
      expect(inItsTrace(() => current())(message, contextWith({ traceparent: given }))).toBeUndefined();
    },
  );
});

test("where no such API is registered, a handler is called as it is, and what it throws is thrown", () => {
  const handler = inItsTrace((_, { attempt }) => {
    throw new Error(`attempt ${attempt}`);
  });
  expect(() => handler(message, contextWith({ traceparent, attempt: 2 }))).toThrow("attempt 2");
});
