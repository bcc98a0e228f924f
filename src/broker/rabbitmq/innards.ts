import type { Channel, ChannelModel } from "amqplib";

/**
 * What Warren needs of amqplib that it has but does not document: the socket, to write many publishes at once and to let
 * go of a peer that does not answer, and what frames are made of. The version is pinned, and this is the only place.
 */
interface Innards {
  readonly stream: { write(bytes: Uint8Array): boolean; destroy(): void };
  /** The negotiated limit for a frame, in bytes. */
  readonly frameMax: number;
}

export function innards(connection: ChannelModel): Innards {
  const found = connection.connection as unknown as Partial<Innards>;
  if (found.stream === undefined || found.frameMax === undefined) {
    throw new TypeError("this amqplib has another inside than 2.3: see src/broker/rabbitmq/innards.ts");
  }
  return found as Innards;
}

export function channelNumber(channel: Channel): number {
  const number = (channel as unknown as { readonly ch?: unknown }).ch;
  if (typeof number !== "number") {
    throw new TypeError("this amqplib has another inside than 2.3: see src/broker/rabbitmq/innards.ts");
  }
  return number;
}
