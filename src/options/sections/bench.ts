import { checkWebSocketUrl } from "../kinds/checks.ts";
import { bytes, choice, list, span, toggle, whole } from "../kinds/kinds.ts";
import { option, optional } from "../kinds/option.ts";

const bench = ["bench"] as const;

/** Options of the load generator. */
export const benchOptions = {
  url: option(
    list("URL[,URL…]", checkWebSocketUrl),
    ["ws://127.0.0.1:8000/ws"],
    bench,
    "managers to load, with equal shares; `?app=NAME`: requests; `?topic=NAME.{n}`: a topic for each publisher",
  ),
  clients: option(whole("N", 0, 100_000), 100, bench, "clients that only receive"),
  publishers: option(whole("N", 1, 10_000), 10, bench, "clients that send, and receive too"),
  rate: option(whole("N", 1, 10_000_000), 1000, bench, "messages a second, over all publishers"),
  size: option(bytes(32, 16 * 1024 ** 2), 64, bench, "size of a message"),
  durationMs: option(span(100, 86_400_000), 10_000, bench, "how long to measure"),
  protocol: option(choice("text", "stomp"), "text", bench, "what clients speak: plain text or STOMP 1.2"),
  receipts: option(toggle, false, bench, "with STOMP: ask for a receipt of each message"),
  durable: option(toggle, false, bench, "with STOMP: subscribe to the log, durably"),
  reconnectEveryMs: optional(
    span(1, 3_600_000),
    "never",
    bench,
    "with `--durable`: how often one client is cut off, to come back and resume",
  ),
  stay: option(
    toggle,
    false,
    bench,
    "reconnect when a connection ends, with growing pauses, as in a rolling restart",
  ),
  json: option(toggle, false, bench, "print the result as one JSON object"),
} as const;
