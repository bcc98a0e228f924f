import { benchOptions } from "./bench-options.ts";
import {
  checkBrokerUrl,
  checkGroup,
  checkHandler,
  checkHost,
  checkHttpUrl,
  checkKeySetUrl,
  checkNetwork,
  checkOrigin,
} from "./checks.ts";
import { bytes, choice, type Kind, list, onOff, span, text, toggle, whole } from "./kinds.ts";
import { option, optional, roles } from "./option.ts";

const every = roles;
const serving = ["all", "manager", "processor"] as const;
const managing = ["all", "manager"] as const;
const processing = ["all", "processor"] as const;

/**
 * Every option there is. Types, parsing, validation, `--help` and the README's table all come from here.
 * Times are in milliseconds and sizes in bytes once parsed.
 */
export const optionTable = {
  role: option(choice(...roles), "all", every, "what this process is"),
  broker: optional(
    list("URL[,URL…]", checkBrokerUrl),
    "`memory:` for `all`, else `amqp://guest:guest@localhost:5672`",
    serving,
    "`memory:` or `amqp(s)://…`; several URLs are the nodes of one cluster, tried in turn",
  ),
  brokerPasswordFile: optional(
    text("FILE"),
    "in the URL",
    serving,
    "has the password for `--broker`, whose URLs then name the user alone; read at each connection",
  ),
  brokerCa: optional(
    text("FILE"),
    "the system's",
    serving,
    "has the certificates (PEM) of who vouches for RabbitMQ's, for `amqps://`",
  ),
  brokerCert: optional(
    text("FILE"),
    "none",
    serving,
    "client certificate (PEM) for `amqps://`, with `--broker-key`; it logs in if the URL names no user",
  ),
  brokerKey: optional(text("FILE"), "none", serving, "the key (PEM) of `--broker-cert`"),
  host: option(
    text("ADDRESS"),
    "127.0.0.1",
    managing,
    "the address that the manager listens on; `0.0.0.0` is all of them",
  ),
  port: option(
    whole("PORT", 0, 65_535),
    8000,
    managing,
    "the port that the manager listens on; 0 picks a free one and prints it",
  ),
  reusePort: option(
    toggle,
    false,
    managing,
    "share `--port` with other managers on this machine that say so too; connections are spread (Linux)",
  ),
  tlsCert: optional(
    text("FILE"),
    "none",
    managing,
    "the certificate chain (PEM) for `https://` and `wss://`, read again on SIGHUP; with `--tls-key`",
  ),
  tlsKey: optional(text("FILE"), "none", managing, "the key (PEM) of `--tls-cert`"),
  auth: option(
    choice("none", "jwt"),
    "none",
    managing,
    "`jwt`: clients need a JSON Web Token, checked by one of the next three",
  ),
  jwtSecretFile: optional(
    text("FILE"),
    "none",
    managing,
    "has the secret of tokens signed with HS256, HS384 or HS512, at least 32 bytes; read again on SIGHUP",
  ),
  jwtPublicKeyFile: optional(
    text("FILE"),
    "none",
    managing,
    "has the public keys (PEM) of tokens signed with RSA, EC or Ed25519; read again on SIGHUP",
  ),
  jwksUrl: optional(
    text("URL", checkKeySetUrl),
    "none",
    managing,
    "has the issuer's public keys (JWKS), fetched again every 5 minutes and for unknown keys",
  ),
  jwksCa: optional(
    text("FILE"),
    "the system's",
    managing,
    "certificates (PEM) of the authorities that the host of `--jwks-url` must chain to; read at each fetch",
  ),
  jwksWithoutTls: option(
    toggle,
    false,
    managing,
    "take `--jwks-url` over `http://` from another host: whoever can change that traffic can make tokens",
  ),
  jwtIssuer: optional(list("NAME[,NAME…]"), "any", managing, "whose tokens are accepted (`iss`)"),
  jwtAudience: optional(
    list("NAME[,NAME…]"),
    "none",
    managing,
    "tokens for one of these are accepted (`aud`, else `client_id`); without it, those that name no audience",
  ),
  jwtClaim: option(
    text("NAME"),
    "warren",
    managing,
    'the claim, or the way to it (`a.b`), with what is allowed: `{"publish": ["a.*"], "subscribe": ["#"]}`',
  ),
  jwtLeewayMs: option(
    span(0, 300_000),
    5000,
    managing,
    "by how much the clocks here and at the tokens' issuer may differ",
  ),
  adminPort: optional(
    whole("PORT", 0, 65_535),
    "the clients' port; a processor has none",
    serving,
    "a port of its own for `/metrics`, `/healthz` and `/readyz`; 0 picks a free one and prints it",
  ),
  adminTokenFile: optional(
    text("FILE"),
    "no control API",
    managing,
    "has the token that `/api/…` on `--admin-port` asks for (`Authorization: Bearer`); read at each request",
  ),
  drainTimeMs: option(
    span(0, 3_600_000),
    0,
    managing,
    "at SIGTERM, clients leave one after another over this time, before the graceful stop begins",
  ),
  adminHost: option(text("ADDRESS"), "127.0.0.1", serving, "the address that `--admin-port` is on"),
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
  plainCopies: option(
    onOff,
    true,
    serving,
    "plain copies of all messages for other programs; off is for where Warren alone uses the exchanges",
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
    "AMQP messages that a processor holds unacknowledged; what waits for a backlog of its own client is not counted",
  ),
  prefetchBytes: option(
    bytes(1024 ** 2, 16 * 1024 ** 3),
    64 * 1024 ** 2,
    processing,
    "what the messages that a processor holds may take together; beyond it, it takes none",
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
    "how long a handler may take, from one answer that it yields to the next, before it has failed",
  ),
  allowOrigin: optional(
    list("ORIGIN[,ORIGIN…]", checkOrigin),
    "the page's own",
    managing,
    "whose pages may connect besides the manager's own: `https://*.example.org`, `ionic://localhost`, `null`, `*`",
  ),
  allowHost: optional(
    list("NAME[,NAME…]", checkHost),
    "`localhost` and IP addresses",
    serving,
    "further names for the admin port and a manager without tokens and TLS: `a.example.org`, `*.example.org`, `*`",
  ),
  maxMessageBytes: option(
    bytes(1, 16 * 1024 ** 2),
    1024 ** 2,
    managing,
    "a client that sends a larger message is closed, a plain-text one with 1009",
  ),
  maxHeaders: option(whole("N", 10, 1000), 100, managing, "headers that a STOMP frame may have"),
  maxHeaderBytes: option(
    // RabbitMQ has to take them in one frame of 128 KiB.
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
  clientsMemoryBytes: optional(
    bytes(1024 ** 2, 1024 ** 4),
    "a quarter of the memory of the machine or cgroup",
    managing,
    "what may be kept for all clients together; beyond it, those with the most are disconnected",
  ),
  messageTimeoutMs: option(
    span(1000, 3_600_000),
    60_000,
    managing,
    "how long the rest of a STOMP frame may take that has begun",
  ),
  maxClients: optional(
    whole("N", 1, 10_000_000),
    "what the limit of open files allows",
    managing,
    "clients that may be connected; further ones are refused with 503",
  ),
  maxClientsPerAddress: option(
    whole("N", 0, 10_000_000),
    0,
    managing,
    "clients that may be connected from one address, or IPv6 /64 network; 0 is any number",
  ),
  maxConnectionsPerSecond: option(
    whole("N", 0, 1_000_000),
    10_000,
    managing,
    "clients that may connect in a second; further ones are refused with 503; 0 is any number",
  ),
  trustProxy: optional(
    list("NETWORK[,NETWORK…]", checkNetwork),
    "nobody",
    managing,
    "proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed: `10.0.0.0/8`, `fd00::/8`, `127.0.0.1`",
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
    "messages that a client may send; beyond it, it is slowed down; 0 is any number",
  ),
  maxBytesPerSecond: option(
    bytes(0, 16 * 1024 ** 3),
    64 * 1024 ** 2,
    managing,
    "the same in bytes; of text, in UTF-16 characters",
  ),
  floodTimeoutMs: option(
    span(0, 86_400_000),
    30_000,
    managing,
    "a client that is slowed down for so long without a second's rest is closed with 4429; 0 is never",
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
    "what may wait for a client that reads slowly before it is disconnected; durable ones wait in the log",
  ),
  outboxMaxBytes: option(
    bytes(1024 ** 2, 16 * 1024 ** 3),
    64 * 1024 ** 2,
    serving,
    "what may wait for the broker; beyond it, clients that publish are held back",
  ),
  log: option(
    choice("on", "off"),
    "on",
    serving,
    "follow the shared message log; `off` is for brokers without streams: no durable subscriptions",
  ),
  queueMaxBytes: option(
    bytes(1024 ** 2, 1024 ** 4),
    1024 ** 3,
    serving,
    "what a new group's queue may hold before publishers wait, and that of dead letters before the oldest go",
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
  logMemoryBytes: option(
    bytes(64 * 1024, 16 * 1024 ** 3),
    32 * 1024 ** 2,
    managing,
    "how much of the message log a manager keeps in memory, for clients that come back",
  ),
  stopTimeoutMs: option(span(0, 3_600_000), 10_000, serving, "how long a graceful stop may take"),
  traceSample: option(
    whole("N", 0, 1_000_000_000),
    0,
    managing,
    "of so many clients' messages without `traceparent`, one begins a trace; 0 is none",
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
    "print each message as it passes: `auto` on a terminal alone, at most 10 a second, and counts the rest",
  ),
  logFormat: option(
    choice("auto", "text", "json"),
    "auto",
    every,
    "`auto` is text on a terminal, else a JSON object a line",
  ),
  logLevel: option(
    choice("debug", "info", "warn", "error"),
    "info",
    every,
    "the least severe level that is printed",
  ),
  ...benchOptions,
} as const;

export type OptionTable = typeof optionTable;
export type OptionName = keyof OptionTable;

type ValueOf<O> = O extends { readonly kind: Kind<infer T>; readonly default: infer D }
  ? undefined extends D
    ? T | undefined
    : T
  : never;

/** All options, parsed. Those without a fixed default are undefined where they were not given, except `broker`. */
export type Options = {
  readonly [N in OptionName]: N extends "broker" ? readonly string[] : ValueOf<OptionTable[N]>;
};
