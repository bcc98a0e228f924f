import { checkBrokerUrl } from "../kinds/checks.ts";
import { bytes, list, onOff, text } from "../kinds/kinds.ts";
import { option, optional, serving } from "../kinds/option.ts";

/** The connection to RabbitMQ, and the limits of what waits on both sides of it. */
export const rabbitmqOptions = {
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
    "file with the password for `--broker`, whose URLs then name the user alone; read at each connection",
  ),
  brokerCa: optional(
    text("FILE"),
    "the system's",
    serving,
    "PEM file of the CA certificates that RabbitMQ's must chain to, for `amqps://`",
  ),
  brokerCert: optional(
    text("FILE"),
    "none",
    serving,
    "client certificate (PEM) for `amqps://`, with `--broker-key`; it logs in if the URL names no user",
  ),
  brokerKey: optional(text("FILE"), "none", serving, "the key (PEM) of `--broker-cert`"),
  plainCopies: option(
    onOff,
    true,
    serving,
    "publish a plain copy of each message for other programs; `off` if Warren alone uses the exchanges",
  ),
  outboxMaxBytes: option(
    bytes(1024 ** 2, 16 * 1024 ** 3),
    64 * 1024 ** 2,
    serving,
    "what may wait for the broker's confirm; beyond it, clients that publish are held back",
  ),
  queueMaxBytes: option(
    bytes(1024 ** 2, 1024 ** 4),
    1024 ** 3,
    serving,
    "cap of new queues: a full group's makes publishers wait, the dead letters' drops its oldest",
  ),
} as const;
