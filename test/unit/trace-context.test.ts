import { describe, expect, test } from "bun:test";
import { inTraceOf, spanAfter, traceContextIn, withTrace } from "../../src/trace-context.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";

describe("traceparent", () => {
  test("is read as W3C's Trace Context has it, of later versions too", () => {
    for (const text of [
      `00-${traceId}-${spanId}-01`,
      `cc-${traceId}-${spanId}-01`,
      `01-${traceId}-${spanId}-03-more`,
    ])
      expect(traceContextIn({ traceparent: text })).toEqual({ traceId, spanId, isSampled: true });
    expect(traceContextIn({ traceparent: `00-${traceId}-${spanId}-00` })?.isSampled).toBe(false);
  });

  test.each([
    "",
    "00",
    `00-${traceId}-${spanId}`,
    `00-${traceId}-${spanId}-01-more`,
    `ff-${traceId}-${spanId}-01`,
    `00-${"0".repeat(32)}-${spanId}-01`,
    `00-${traceId}-${"0".repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    ` 00-${traceId}-${spanId}-01`,
  ])("%p is none", (text) => {
    expect(traceContextIn({ traceparent: text })).toBeUndefined();
  });

  test("of the next span is in the same trace, and one without a parent begins a trace that is recorded", () => {
    const parent = { traceId, spanId, isSampled: false };
    const next = spanAfter(parent);
    expect(next).toEqual({ traceId, spanId: expect.stringMatching(/^[0-9a-f]{16}$/), isSampled: false });
    expect(next.spanId).not.toBe(spanId);
    expect(traceContextIn(withTrace({ a: "b" }, next))).toEqual(next);
    expect(withTrace({ a: "b" }, next)["a"]).toBe("b");
    const first = spanAfter(undefined);
    expect(first.isSampled).toBe(true);
    expect(traceContextIn(withTrace(undefined, first))).toEqual(first);
  });

  test("of a question is its answer's, unless the answer names another", () => {
    const question = { traceparent: `00-${traceId}-${spanId}-01`, tracestate: "vendor=1", other: "x" };
    expect(inTraceOf(question, { a: "b" })).toEqual({
      a: "b",
      traceparent: question.traceparent,
      tracestate: "vendor=1",
    });
    expect(inTraceOf(question, { traceparent: "its own" })).toEqual({ traceparent: "its own" });
    expect(inTraceOf({ other: "x" }, undefined)).toBeUndefined();
  });
});
