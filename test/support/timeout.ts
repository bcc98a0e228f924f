/**
 * For tests with processes, brokers and browsers of their own: the first to ask for the shared RabbitMQ or for the
 * executable waits until it is there. Also for properties, which a busy machine runs slowly. Bun forgets a default timeout at the end of each file, so each file sets it.
 */
export const integrationTimeoutMs = 60_000;
