import { bytes, span, whole } from "../kinds/kinds.ts";
import { managing, option } from "../kinds/option.ts";

/** The limits of one client. */
export const clientLimitOptions = {
  maxMessageBytes: option(
    bytes(1, 16 * 1024 ** 2),
    1024 ** 2,
    managing,
    "the largest message; a client that sends more is disconnected (plain text: with 1009)",
  ),
  maxHeaders: option(whole("N", 10, 1000), 100, managing, "headers that a STOMP frame may have"),
  maxHeaderBytes: option(
    // RabbitMQ has to accept them in one frame of 128 KiB.
    bytes(1024, 64 * 1024),
    64 * 1024,
    managing,
    "how long the headers of a STOMP frame may be together",
  ),
  maxSubscriptions: option(
    whole("N", 1, 10_000),
    100,
    managing,
    "STOMP subscriptions that a client may have",
  ),
  maxTransactionBytes: option(
    bytes(1024, 1024 ** 3),
    4 * 1024 ** 2,
    managing,
    "what a STOMP client's open transactions may hold together",
  ),
  messageTimeoutMs: option(
    span(1000, 3_600_000),
    60_000,
    managing,
    "how long a STOMP frame or WebSocket message may take from its first byte to its last",
  ),
  handshakeTimeoutMs: option(
    span(1000, 60_000),
    10_000,
    managing,
    "how long a STOMP client may take to send CONNECT, and an HTTP client to ask again",
  ),
  maxMessagesPerSecond: option(
    whole("N", 0, 10_000_000),
    10_000,
    managing,
    "messages that a client may send in a second before it is slowed down; 0: unlimited",
  ),
  maxBytesPerSecond: option(
    bytes(0, 16 * 1024 ** 3),
    64 * 1024 ** 2,
    managing,
    "bytes that a client may send in a second (text: UTF-16 units); 0: unlimited",
  ),
  clientInputBytes: option(
    bytes(0, 16 * 1024 ** 2),
    64 * 1024,
    managing,
    "receive buffer of each client's socket (Linux); 0: the system's default",
  ),
  floodTimeoutMs: option(
    span(0, 86_400_000),
    30_000,
    managing,
    "a client that was slowed down for this time without a second's rest is closed with 4429; 0: never",
  ),
  pingIntervalMs: option(
    span(1000, 600_000),
    18_000,
    managing,
    "how often clients are pinged; one that answers neither of two pings is disconnected when the third is due",
  ),
  clientBufferBytes: option(
    bytes(16 * 1024, 1024 ** 3),
    4 * 1024 ** 2,
    managing,
    "what may wait for a slow reader before it is disconnected; for a durable one, it waits in the log",
  ),
} as const;
