import { FatalError, reasonOf } from "../../../errors.ts";
import { withoutPassword } from "../../../redact.ts";
import { tlsFault } from "./tls-fault.ts";

/**
 * Why RabbitMQ could not be connected to, in words that say what to do. Wrong credentials are fatal until they have worked once; after that
 * the broker is assumed to be at fault.
 *
 * amqplib's errors of a handshake have no code. RabbitMQ's code is only in their text, which is parsed here and nowhere else.
 *
 * @param isFirst whether no connection has been opened yet
 * @param isByCertificate whether the client certificate logs in
 */
export function connectFault(error: unknown, url: string, isFirst: boolean, isByCertificate: boolean): Error {
  const text = reasonOf(error);
  // A file that could be read at the start may be just being replaced.
  if (error instanceof FatalError) return new Error(text);
  if (text.includes("SASL mechanism EXTERNAL is not provided")) {
    return new Error(
      "RabbitMQ does not let clients log in by certificate (EXTERNAL, of rabbitmq_auth_mechanism_ssl): turn that on, or name a user in --broker",
    );
  }
  if (isFirst && isByCertificate && /ACCESS_REFUSED|ACCESS-REFUSED|\b403\b/.test(text)) {
    return new FatalError(
      `RabbitMQ at ${withoutPassword(url)} refused the client certificate: it needs a user of the certificate's name (ssl_cert_login_from), or name a user in --broker`,
    );
  }
  if (isFirst && /ACCESS_REFUSED|ACCESS-REFUSED|\b403\b/.test(text)) {
    return new FatalError(
      `RabbitMQ at ${withoutPassword(url)} refused the user or password: correct them in --broker or --broker-password-file`,
    );
  }
  // RabbitMQ says why (no such vhost, no permission, a vhost that is still starting), but amqplib does not pass it on.
  if (text.startsWith("Expected ConnectionOpenOk")) {
    return new Error(
      "RabbitMQ closed the connection instead of opening the vhost: does it exist, and may this user enter it?",
    );
  }
  return tlsFault(error) ?? (error instanceof Error ? error : new Error(text));
}
