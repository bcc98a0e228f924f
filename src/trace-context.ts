import type { Headers } from "./message.ts";

/** The header of W3C's Trace Context, which carries a trace through WebSocket, AMQP, handlers and answers. */
export const traceparent = "traceparent";
/** The header with what vendors add to a trace. */
export const tracestate = "tracestate";

/** A span of a trace. The next span is its child. */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** Whether the program that began the trace wants it recorded. */
  readonly isSampled: boolean;
}

/** Parses the trace headers; undefined if there are none, or if `traceparent` is not valid or of an unknown version. */
export function traceContextIn(headers: Headers | undefined): TraceContext | undefined {
  const text = headers?.[traceparent];
  if (text === undefined) return undefined;
  const [, version, traceId, spanId, flags] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/.exec(text) ?? [];
  if (version === undefined || version === "ff" || (version === "00" && text.length !== 55)) return undefined;
  if (/^0+$/.test(traceId!) || /^0+$/.test(spanId!)) return undefined;
  return { traceId: traceId!, spanId: spanId!, isSampled: (Number.parseInt(flags!, 16) & 1) === 1 };
}

/** A new trace, or the next span of one. */
export function spanAfter(parent: TraceContext | undefined): TraceContext {
  const spanId = hex(8);
  return parent === undefined ? { traceId: hex(16), spanId, isSampled: true } : { ...parent, spanId };
}

/** Returns these headers with a trace context in which the next span is a child of this one. */
export function withTrace(
  headers: Headers | undefined,
  { traceId, spanId, isSampled }: TraceContext,
): Headers {
  return { ...headers, [traceparent]: `00-${traceId}-${spanId}-${isSampled ? "01" : "00"}` };
}

/** Returns an answer's headers in the trace of its question, unless they have a trace of their own. */
export function inTraceOf(question: Headers | undefined, answer: Headers | undefined): Headers | undefined {
  const trace = question?.[traceparent];
  if (trace === undefined || answer?.[traceparent] !== undefined) return answer;
  const state = question?.[tracestate];
  return { ...answer, [traceparent]: trace, ...(state === undefined ? {} : { [tracestate]: state }) };
}

function hex(bytes: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString("hex");
}
