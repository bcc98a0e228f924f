import { checkHttpUrl } from "../kinds/checks.ts";
import { choice, span, text, whole } from "../kinds/kinds.ts";
import { managing, option, optional, serving } from "../kinds/option.ts";

/** What is seen of messages while it runs, and how it stops. */
export const runningOptions = {
  drainTimeMs: option(
    span(0, 3_600_000),
    0,
    managing,
    "at SIGTERM, clients leave one after another over this time, before the graceful stop begins",
  ),
  stopTimeoutMs: option(span(0, 3_600_000), 10_000, serving, "how long a graceful stop may take"),
  traceSample: option(
    whole("N", 0, 1_000_000_000),
    0,
    managing,
    "one in this many clients' messages without `traceparent` begins a trace; 0: none",
  ),
  otlpUrl: optional(
    text("URL", checkHttpUrl),
    "none",
    serving,
    "where spans of traces go, as OTLP over HTTP in JSON: `http://localhost:4318`",
  ),
  logMessages: option(
    choice("auto", "on", "off"),
    "auto",
    serving,
    "print each message as it passes; `auto`: on a terminal alone, at most 10 a second, with a count of the rest",
  ),
} as const;
