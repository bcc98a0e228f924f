import { bytes, choice, span } from "../kinds/kinds.ts";
import { managing, option, serving } from "../kinds/option.ts";

/** The message log: whether it is followed, how much RabbitMQ keeps, how much a manager keeps in memory. */
export const messageLogOptions = {
  log: option(
    choice("on", "off"),
    "on",
    serving,
    "follow the shared message log; `off` is for brokers without streams: no durable subscriptions",
  ),
  logMaxBytes: option(
    bytes(1024 ** 2, 1024 ** 4),
    1024 ** 3,
    serving,
    "how much of the message log RabbitMQ keeps",
  ),
  logMaxAgeMs: option(
    span(1000, 365 * 86_400_000),
    7 * 86_400_000,
    serving,
    "how long RabbitMQ keeps the message log",
  ),
  idempotencyWindowMs: option(
    span(1000, 3_600_000),
    120_000,
    managing,
    "how long a message with the `idempotency-key` of an earlier one of its client is not published again",
  ),
  idempotencyMaxBytes: option(
    bytes(64 * 1024, 16 * 1024 ** 3),
    64 * 1024 ** 2,
    managing,
    "memory for idempotency keys (384 bytes each); one client may take as much as it leaves free for others",
  ),
  lastValuesMaxBytes: option(
    bytes(64 * 1024, 16 * 1024 ** 3),
    32 * 1024 ** 2,
    managing,
    "memory for each topic's newest message (`x-stream-offset:last`); what has no room is read from the log",
  ),
  logMemoryBytes: option(
    bytes(64 * 1024, 16 * 1024 ** 3),
    32 * 1024 ** 2,
    managing,
    "how much of the message log a manager keeps in memory, for clients that come back",
  ),
} as const;
