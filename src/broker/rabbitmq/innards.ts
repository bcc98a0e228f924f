import type { Channel, ChannelModel } from "amqplib";

/**
 * What Warren needs of amqplib that it has but does not document: the socket, to write many publishes at once and to let
 * go of a peer that does not answer, and what frames are made of. The version is pinned, and this is the only place.
 */
interface Innards {
  readonly stream: {
    write(bytes: Uint8Array): boolean;
    destroy(): void;
    /** What was written and has not been handed to the kernel, in bytes. */
    readonly writableLength: number;
    on(event: "drain", heard: () => void): unknown;
    off(event: "drain", heard: () => void): unknown;
  };
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

/**
 * Hears of the answers to questions that were written past amqplib, on a channel that amqplib asks nothing more. Returns what to
 * call for each question, before it is written.
 */
export function answersOn(channel: Channel, answered: () => void): () => void {
  const inside = channel as unknown as { reply?: ((error: unknown) => void) | null };
  if (inside.reply !== null) {
    throw new TypeError("this amqplib has another inside than 2.3: see src/broker/rabbitmq/innards.ts");
  }
  let expected = 0;
  const reply = (error: unknown) => {
    // The channel ends, and says so.
    if (error !== null) return;
    expected--;
    if (expected > 0) inside.reply = reply;
    answered();
  };
  return () => {
    expected++;
    inside.reply ??= reply;
  };
}
