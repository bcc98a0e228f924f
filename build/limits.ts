import { refusals } from "../src/gateway/guards/refusals.ts";
import type { AnyMetric } from "../src/ops/metrics.ts";
import { flagOf } from "../src/options/names.ts";
import type { OptionName } from "../src/options/table.ts";
import { closeCodes } from "../src/wire/close-codes.ts";
import type { FaultReason } from "../src/wire/stomp/fault.ts";

/** A limit of what clients may do: which it is, what sets it, what happens beyond it, and where `/metrics` shows that. */
export interface Limit {
  readonly what: string;
  /** Its flags, and what else sets it. */
  readonly by: string;
  readonly beyond: string;
  readonly metrics: string;
}

const flag = (name: OptionName) => `\`${flagOf(name)}\``;
const status = (refusal: keyof typeof refusals) => `${refusals[refusal].status}`;
const code = (name: keyof typeof closeCodes) => `${closeCodes[name].code}`;
const metric = (name: string, label?: string, value?: string) =>
  `\`${name}${label === undefined ? "" : `{${label}="${value}"}`}\``;
const refused = (refusal: keyof typeof refusals) => metric("warren_refused_total", "reason", refusal);
const closed = (name: keyof typeof closeCodes) => metric("warren_closed_total", "code", code(name));
const cutOff = (cause: "slow" | "memory") => metric("warren_cut_off_total", "cause", cause);
const stompError = (reason: FaultReason) => metric("warren_stomp_errors_total", "reason", reason);
const answered = (httpStatus: number) => metric("warren_http_answers_total", "status", `${httpStatus}`);
/** The ERROR frame, and the code that follows it. */
const error = `STOMP ERROR, ${code("stompError")}`;

/** Every limit of clients, in the order in which docs/operations.md shows them. */
export const limits: readonly Limit[] = [
  {
    what: "clients in all",
    by: flag("maxClients"),
    beyond: status("tooManyClients"),
    metrics: `${metric("warren_clients")} of ${metric("warren_clients_max")}, ${refused("tooManyClients")}`,
  },
  {
    what: "requests that are answered later: POSTs, without a seat",
    by: "as many as clients, in all and from one address",
    beyond: `${status("tooManyClients")}, ${status("tooManyFromAddress")}`,
    metrics: `${metric("warren_http_waiting")}, ${metric("warren_http_answers_total")}`,
  },
  {
    what: "bodies of POSTs that are being read",
    by: `a quarter of ${flag("clientsMemoryBytes")}`,
    beyond: "503",
    metrics: metric("warren_clients_kept_bytes"),
  },
  {
    what: "time for the body of a POST",
    by: flag("messageTimeoutMs"),
    beyond: "408",
    metrics: answered(408),
  },
  {
    what: "messages and bytes that one token's user, or address, POSTs in a second",
    by: `${flag("maxMessagesPerSecond")}, ${flag("maxBytesPerSecond")}`,
    beyond: "429",
    metrics: answered(429),
  },
  {
    what: "clients of one address",
    by: flag("maxClientsPerAddress"),
    beyond: status("tooManyFromAddress"),
    metrics: refused("tooManyFromAddress"),
  },
  {
    what: "new clients in a second",
    by: flag("maxConnectionsPerSecond"),
    beyond: status("tooManyAtOnce"),
    metrics: refused("tooManyAtOnce"),
  },
  {
    what: "time for an HTTP request",
    by: `10 to 12 seconds; ${flag("handshakeTimeoutMs")} after an answer`,
    beyond: "disconnected",
    metrics: "none: Bun does not tell",
  },
  {
    what: "time for the rest of a STOMP frame that has begun",
    by: flag("messageTimeoutMs"),
    beyond: code("unfinished"),
    metrics: stompError("messageTime"),
  },
  {
    what: "time for the rest of a WebSocket message of which more than 64 KiB have come, on Linux",
    by: `${flag("messageTimeoutMs")}, and up to 9 s`,
    beyond: code("unfinished"),
    metrics: closed("unfinished"),
  },
  {
    what: "what is kept for all clients: what waits for them to read, WebSocket messages and STOMP frames that are not whole, open transactions, the buffers of messages over 64 KiB",
    by: `${flag("clientsMemoryBytes")}; a quarter of the machine's memory or of the cgroup's limit`,
    beyond: `those with the most: ${code("memoryFull")}, or ${code("lost")} where more waits for them than would let them hear of it`,
    metrics: `${cutOff("memory")}, ${metric("warren_backlog_bytes")}, ${metric("warren_clients_kept_bytes")}`,
  },
  {
    what: "time for STOMP's CONNECT",
    by: flag("handshakeTimeoutMs"),
    beyond: code("notConnected"),
    metrics: stompError("connectTime"),
  },
  {
    what: "bytes of a message",
    by: flag("maxMessageBytes"),
    beyond: `${code("tooLarge")}, STOMP ERROR`,
    metrics: `${closed("tooLarge")}, ${stompError("messageSize")}`,
  },
  {
    what: "messages and bytes of a client in a second ([what counts](#what-counts-as-a-message))",
    by: `${flag("maxMessagesPerSecond")}, ${flag("maxBytesPerSecond")}`,
    beyond: `slowed down, ${code("flood")} after ${flag("floodTimeoutMs")}; what would take longer than that to wait for is not taken`,
    metrics: `${metric("warren_clients_over_rate")}, ${closed("flood")}`,
  },
  {
    what: "bytes of a client that wait in the system to be read, on Linux",
    by: flag("clientInputBytes"),
    beyond: "TCP holds it up",
    metrics: "none: the system does not tell",
  },
  {
    what: "subscriptions",
    by: flag("maxSubscriptions"),
    beyond: error,
    metrics: stompError("subscriptions"),
  },
  {
    what: "open transactions",
    by: `${flag("maxTransactionBytes")}, 100 of them`,
    beyond: error,
    metrics: stompError("transactions"),
  },
  {
    what: "headers of a STOMP frame",
    by: `${flag("maxHeaders")}, ${flag("maxHeaderBytes")}`,
    beyond: error,
    metrics: `${stompError("headerCount")}, ${stompError("headerSize")}`,
  },
  {
    what: "headers that travel to RabbitMQ",
    by: "RabbitMQ's `frame_max`",
    beyond: error,
    metrics: `${stompError("headerSize")}; those sent before RabbitMQ was first reached: ${metric("warren_set_aside_total", "reason", "frameSize")}`,
  },
  {
    what: "headers of HTTP",
    by: "16 KiB",
    beyond: "431",
    metrics: "none: Bun does not tell",
  },
  {
    what: "bytes that wait for a client",
    by: `${flag("clientBufferBytes")}; durable subscriptions go on from the log instead`,
    beyond: "disconnected",
    metrics: `${cutOff("slow")}, ${closed("lost")}`,
  },
  {
    what: "a client that has vanished",
    by: `${flag("pingIntervalMs")}, three times`,
    beyond: "disconnected",
    metrics: metric("warren_clients_vanished_total"),
  },
];

/** Metrics that the table names and that are not there. */
export function unknownMetrics(known: readonly AnyMetric[]): readonly string[] {
  const names = new Set(known.map(({ name }) => name));
  const named = limits.flatMap(({ metrics }) => metrics.match(/warren_\w+/g) ?? []);
  return named.filter((name) => !names.has(name));
}

/** The table in docs/operations.md. */
export function limitsTable(): string {
  return [
    "| what | flag | beyond it | metric |",
    "|---|---|---|---|",
    ...limits.map(({ what, by, beyond, metrics }) => `| ${what} | ${by} | ${beyond} | ${metrics} |`),
  ].join("\n");
}
