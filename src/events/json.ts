/**
 * The object in a message, or undefined where it is something else: any program that knows RabbitMQ's password can write to the
 * exchanges of managers.
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
