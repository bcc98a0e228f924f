import type { Envelope } from "../../../src/envelope/envelope.ts";

/** An AMQP message that has nothing but what is given. */
export function envelopeOf(parts: Partial<Envelope> = {}): Envelope {
  return {
    body: Buffer.alloc(0),
    routingKey: "",
    contentType: undefined,
    messageId: undefined,
    timestamp: undefined,
    appId: undefined,
    clientId: undefined,
    headers: undefined,
    ...parts,
  };
}
