import { checkGroup, checkHandler } from "../kinds/checks.ts";
import { bytes, span, text, whole } from "../kinds/kinds.ts";
import { option, optional, processing } from "../kinds/option.ts";

/** What a processor runs, and how much of it at once. */
export const processorOptions = {
  handler: optional(
    text("FILE|URL", checkHandler),
    "built in",
    processing,
    "the processor's work: a TypeScript or JavaScript module, or the URL of a service to POST messages to",
  ),
  group: option(
    text("NAME", checkGroup),
    "processor",
    processing,
    "processors of one group share the messages; each group gets every message",
  ),
  concurrency: option(
    whole("N", 1, 10_000),
    100,
    processing,
    "handlers in flight at once; messages of one client stay in order",
  ),
  prefetch: option(
    whole("N", 1, 2000),
    1000,
    processing,
    "AMQP messages held unacknowledged; those that wait for earlier ones of the same client are not counted",
  ),
  prefetchBytes: option(
    bytes(1024 ** 2, 16 * 1024 ** 3),
    64 * 1024 ** 2,
    processing,
    "what held messages may take together; beyond it, the processor takes no more",
  ),
  attempts: option(
    whole("N", 1, 100),
    3,
    processing,
    "how often a handler that fails is tried before the message is dead-lettered",
  ),
  handlerTimeoutMs: option(
    span(10, 86_400_000),
    30_000,
    processing,
    "how long a handler may take to end, or to yield its next answer; after that, it has failed",
  ),
} as const;
