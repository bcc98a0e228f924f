/**
 * Parses the object in a message; undefined if it is something else: any program with RabbitMQ's password can write to the exchanges of
 * managers.
 */
export function objectIn(body: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const said: unknown = JSON.parse(decoder.decode(body));
    return typeof said === "object" && said !== null ? (said as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

const decoder = new TextDecoder();
