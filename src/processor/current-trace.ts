import { type TraceContext, traceContextIn, traceparent } from "../trace-context.ts";
import type { Handler } from "./handler.ts";
import type { HandlerContext } from "./handler-types.ts";
import { isStream } from "./streams.ts";

/**
 * Where OpenTelemetry's API for JavaScript keeps what was registered: every copy of its version 1 looks there, that which a handler
 * imports from beside it, too.
 */
const registered = Symbol.for("opentelemetry.js.api.1");
/** Under this, a context of that API has its current span. */
const spanKey = Symbol.for("OpenTelemetry Context Key SPAN");

interface OtelContext {
  setValue(key: symbol, value: unknown): OtelContext;
}

interface ContextManager {
  active(): OtelContext;
  with<T>(context: OtelContext, run: () => T): T;
}

/** Runs something in a message's trace. */
type Enter = <T>(run: () => T) => T;

/**
 * The handler, in the trace of its message: libraries that it uses and that read the current span from OpenTelemetry's API find it there.
 * Without such an API in the process, or a `traceparent` of the message, nothing is done.
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

/** What an async generator does between two answers is done in the trace, too. */
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

/** The span that another program began, as OpenTelemetry's API wants it: what begins in the handler is its child. Nothing can be written into it. */
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
    // It is that program which ends it.
  }
}

function entryOf(state: string, key: string): string | undefined {
  const entry = state.split(",").find((each) => each.trim().startsWith(`${key}=`));
  return entry?.trim().slice(key.length + 1);
}
