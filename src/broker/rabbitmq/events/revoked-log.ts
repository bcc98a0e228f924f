import type { ChannelModel, ConfirmChannel } from "amqplib";
import type { EventsPeer } from "../../events.ts";
import { type Drop, watch } from "../connection/watch.ts";
import type { Declarations } from "../topology/declarations.ts";

/** The stream of revoked tokens: small records, which every manager reads from the beginning. */
const revokedLog = "wsmanager.revoked";
const logBytesMax = 64 * 1024 ** 2;
/** How long records are kept: as long as a revocation may last. */
const logAgeMax = "90D";
/** How many records may be unacknowledged. */
const prefetch = 500;
const markType = "mark";

/** Follows the records of revoked tokens, and writes new ones. */
export class RevokedLog {
  readonly #channel: ConfirmChannel;

  private constructor(channel: ConfirmChannel) {
    this.#channel = channel;
  }

  static async declare(declaring: Declarations): Promise<void> {
    await declaring.queue(revokedLog, {
      "x-queue-type": "stream",
      "x-max-length-bytes": logBytesMax,
      "x-max-age": logAgeMax,
      "x-stream-max-segment-size-bytes": logBytesMax / 16,
    });
  }

  /** Opens the log. When the peer's `readRevoked` is called, everything that was in the log by now was read. */
  static async open(connection: ChannelModel, peer: EventsPeer, drop: Drop): Promise<RevokedLog> {
    const channel = await connection.createConfirmChannel();
    watch(channel, drop);
    const log = new RevokedLog(channel);
    const nonce = crypto.randomUUID();
    await channel.prefetch(prefetch);
    await channel.consume(
      revokedLog,
      (delivery) => {
        if (delivery === null) return drop("the log of revoked tokens has gone");
        channel.ack(delivery);
        const { type, messageId } = delivery.properties;
        if (type !== markType) peer.revoked(delivery.content);
        else if (messageId === nonce) peer.readRevoked();
      },
      { arguments: { "x-stream-offset": "first" } },
    );
    // A mark is written, since there is no other way to find the log's end.
    await log.#write("", { type: markType, messageId: nonce });
    return log;
  }

  /** Resolves when RabbitMQ has the record. @throws Error if that fails */
  async write(body: string): Promise<void> {
    await this.#write(body, {});
  }

  async #write(body: string, properties: { type?: string; messageId?: string }): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#channel.publish("", revokedLog, Buffer.from(body), { persistent: true, ...properties }, (error) =>
      error == null ? resolve() : reject(error as Error),
    );
    await promise;
  }
}
