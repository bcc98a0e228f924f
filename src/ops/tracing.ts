import { reasonOf } from "../errors.ts";
import type { TraceContext } from "../trace-context.ts";
import { version } from "../version.ts";
import type { Logger } from "./logger.ts";
import type { AnyMetric } from "./metrics.ts";

/** How many spans may wait to be sent. Further ones are dropped and counted. */
const waitingMax = 2048;
/** The most spans in one request. */
const batchMax = 512;
/** How long the first of them waits for others, in milliseconds. */
const lingerMs = 1000;
/** How long a collector may take to answer, in milliseconds. */
const timeoutMs = 5000;

/** OTLP's numbers for kinds of spans. */
const kinds = { internal: 1, producer: 4, consumer: 5 } as const;

/** A piece of work in progress. */
export interface Span {
  /** @param fault why it failed; undefined if it did not */
  end(fault?: string): void;
}

interface Finished {
  readonly context: TraceContext;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: keyof typeof kinds;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, string>>;
  readonly fault: string | undefined;
}

/**
 * Sends spans to a collector as OTLP/HTTP in JSON: in batches, one at a time. It keeps at most `waitingMax` spans. What the collector does
 * not take is dropped and counted, not sent again, since nothing depends on it.
 */
export class Tracing {
  readonly #url: string;
  readonly #service: string;
  readonly #logger: Logger;
  #waiting: Finished[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #isAway = false;
  #sentCount = 0;
  #droppedCount = 0;

  /**
   * @param url the collector's; without a path, `/v1/traces` is added
   * @param service the name of what is traced, such as `warren-manager`
   */
  constructor(url: string, service: string, logger: Logger) {
    const parsed = new URL(url);
    if (parsed.pathname === "/") parsed.pathname = "/v1/traces";
    this.#url = parsed.href;
    this.#service = service;
    this.#logger = logger;
  }

  readonly metrics: readonly AnyMetric[] = [
    {
      name: "warren_spans_sent_total",
      type: "counter",
      help: "Spans that the collector has taken (--otlp-url).",
      read: () => this.#sentCount,
    },
    {
      name: "warren_spans_dropped_total",
      type: "counter",
      help: "Spans that were dropped since the collector was away or too slow.",
      read: () => this.#droppedCount,
    },
  ];

  /** @param parent undefined: the trace begins here */
  begin(
    name: string,
    kind: keyof typeof kinds,
    context: TraceContext,
    parent: TraceContext | undefined,
    attributes: Readonly<Record<string, string>>,
  ): Span {
    const startMs = nowMs();
    return {
      end: (fault) =>
        this.#add({
          context,
          parentSpanId: parent?.spanId,
          name,
          kind,
          startMs,
          endMs: nowMs(),
          attributes,
          fault,
        }),
    };
  }

  /** Sends the remaining spans, for as long as a collector may take. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#sending;
    if (this.#waiting.length > 0) await this.#send();
    this.#droppedCount += this.#waiting.splice(0).length;
  }

  #add(span: Finished): void {
    if (this.#waiting.length >= waitingMax) {
      this.#droppedCount++;
      return;
    }
    this.#waiting.push(span);
    if (this.#sending !== undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#flush(), lingerMs);
    this.#timer.unref();
  }

  #flush(): void {
    this.#timer = undefined;
    this.#sending = this.#send().finally(() => {
      this.#sending = undefined;
      if (this.#waiting.length > 0) this.#timer ??= setTimeout(() => this.#flush(), lingerMs);
    });
  }

  async #send(): Promise<void> {
    const batch = this.#waiting.splice(0, batchMax);
    try {
      const response = await fetch(this.#url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(this.#requestOf(batch)),
        signal: AbortSignal.timeout(timeoutMs),
      });
      // Read it to its end, so that the connection can be reused.
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`it answers ${response.status}`);
      this.#sentCount += batch.length;
      this.#isAway = false;
    } catch (error) {
      this.#droppedCount += batch.length;
      if (!this.#isAway)
        this.#logger.warn("spans are dropped: the collector does not take them", { reason: reasonOf(error) });
      this.#isAway = true;
    }
  }

  #requestOf(batch: readonly Finished[]): object {
    return {
      resourceSpans: [
        {
          resource: {
            attributes: attributesOf({ "service.name": this.#service, "service.version": version }),
          },
          scopeSpans: [{ scope: { name: "warren", version }, spans: batch.map(spanOf) }],
        },
      ],
    };
  }
}

function spanOf({ context, parentSpanId, name, kind, startMs, endMs, attributes, fault }: Finished): object {
  return {
    traceId: context.traceId,
    spanId: context.spanId,
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    name,
    kind: kinds[kind],
    startTimeUnixNano: nanoseconds(startMs),
    endTimeUnixNano: nanoseconds(endMs),
    attributes: attributesOf(attributes),
    // 2 is an error, 0 is unset.
    status: fault === undefined ? { code: 0 } : { code: 2, message: fault },
  };
}

function attributesOf(attributes: Readonly<Record<string, string>>): object[] {
  return Object.entries(attributes).map(([key, stringValue]) => ({ key, value: { stringValue } }));
}

/** Nanoseconds since 1970: `Date.now()` only has milliseconds. */
function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Returns a time as text, since JSON's numbers are not exact beyond 2^53. */
function nanoseconds(ms: number): string {
  return `${BigInt(Math.round(ms * 1000)) * 1000n}`;
}
