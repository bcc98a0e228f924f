import { type TraceContext, traceContextIn, traceparent } from "../trace-context.ts";
import type { Handler } from "./handler.ts";
import type { HandlerContext } from "./handler-types.ts";
import { isStream } from "./streams.ts";

/**
 * The symbol under which OpenTelemetry's API for JavaScript keeps what was registered. Every copy of its version 1 uses it, including the
 * one that a handler imports.
 */
const registered = Symbol.for("opentelemetry.js.api.1");
/** The symbol for the current span in that API's contexts. */
const spanKey = Symbol.for("OpenTelemetry Context Key SPAN");

interface OtelContext {
  setValue(key: symbol, value: unknown): OtelContext;
}

interface ContextManager {
  active(): OtelContext;
  with<T>(context: OtelContext, run: () => T): T;
}

/** Runs a function within a message's trace. */
type Enter = <T>(run: () => T) => T;

/**
 * Wraps a handler so that it runs in its message's trace: libraries that read the current span from OpenTelemetry's API find it there.
 * Without such an API in the process, or without a `traceparent` in the message, it changes nothing.
 */
export function inItsTrace(handler: Handler): Handler {
  return (message, context) => {
    const enter = context.traceparent === undefined ? undefined : entranceTo(context);
    if (enter === undefined) return handler(message, context);
    const result = enter(() => handler(message, context));
    const wrapped = (value: unknown) => (isStream(value) ? inTrace(value, enter) : value);
    return result instanceof Promise ? result.then(wrapped) : wrapped(result);
  };
}

function entranceTo(context: HandlerContext): Enter | undefined {
  const api = (globalThis as { readonly [registered]?: { readonly context?: ContextManager } })[registered];
  const manager = api?.context;
  const trace = traceContextIn({ [traceparent]: context.traceparent! });
  if (manager === undefined || trace === undefined) return undefined;
  const current = manager.active().setValue(spanKey, new RemoteSpan(trace, context.tracestate));
  return (run) => manager.with(current, run);
}

/** Runs what an async generator does between two answers in the trace, too. */
function inTrace(
  stream: Partial<AsyncIterable<unknown>> & Partial<Iterable<unknown>>,
  enter: Enter,
): AsyncIterable<unknown> {
  const steps: AsyncIterator<unknown> | Iterator<unknown> =
    stream[Symbol.asyncIterator]?.() ?? stream[Symbol.iterator]!();
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.resolve(enter(() => steps.next())),
      return: () =>
        Promise.resolve(enter(() => steps.return?.())).then(() => ({ done: true, value: undefined })),
    }),
  };
}

/** A span that another program began, as OpenTelemetry's API represents it. Spans that begin in the handler are its children. It is read-only. */
class RemoteSpan {
  readonly #trace: TraceContext;
  readonly #state: string | undefined;

  constructor(trace: TraceContext, state: string | undefined) {
    this.#trace = trace;
    this.#state = state;
  }

  spanContext() {
    const { traceId, spanId, isSampled } = this.#trace;
    const state = this.#state;
    const traceState =
      state === undefined
        ? {}
        : { traceState: { get: (key: string) => entryOf(state, key), serialize: () => state } };
    return { traceId, spanId, traceFlags: isSampled ? 1 : 0, isRemote: true, ...traceState };
  }

  isRecording(): boolean {
    return false;
  }
  setAttribute(): this {
    return this;
  }
  setAttributes(): this {
    return this;
  }
  addEvent(): this {
    return this;
  }
  addLink(): this {
    return this;
  }
  addLinks(): this {
    return this;
  }
  setStatus(): this {
    return this;
  }
  updateName(): this {
    return this;
  }
  recordException(): void {
    // Another program records this span.
  }
  end(): void {
    // The other program ends it.
  }
}

function entryOf(state: string, key: string): string | undefined {
  const entry = state.split(",").find((each) => each.trim().startsWith(`${key}=`));
  return entry?.trim().slice(key.length + 1);
}
