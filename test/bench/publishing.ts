import { type ChannelModel, type ConfirmChannel, connect } from "amqplib";
import type { PublishLink } from "../../src/broker/broker.ts";
import { Haste } from "../../src/broker/rabbitmq/connection/haste.ts";
import { ChannelLink } from "../../src/broker/rabbitmq/publishing/publish-link.ts";
import type { Envelope } from "../../src/envelope/envelope.ts";
import { startRabbitmq } from "../support/rabbitmq.ts";

/** The message whose publishing is measured: 64 bytes, as a manager publishes it. */
export const envelope = {
  body: Buffer.alloc(64, "x"),
  routingKey: "",
  contentType: "text/plain",
  messageId: "manager-1f2e3d4c5b6a-1000",
  timestamp: 1_795_467_696,
  appId: "manager-1f2e3d4c5b6a",
  clientId: "7b0c2f8e-91f2-4a57-8d4e-6a1b2c3d4e10",
  headers: undefined,
} satisfies Envelope;

/** How many messages are published in one turn of the event loop. */
const turn = 50;
/** How many may be unconfirmed. */
const window = 2000;

/** A separate RabbitMQ node, and a connection to it like Warren's. */
export async function startPublishing() {
  const node = await startRabbitmq();
  return { node, connection: await connect(node.url, { noDelay: true }) };
}

/** Publishes as a manager does, which checks that the queues are there. */
export function linkTo(
  connection: ChannelModel,
  channel: ConfirmChannel,
  exchange: string,
  queues: readonly string[] = [],
): PublishLink {
  const needed = { exchanges: [exchange], queues } as const;
  return new ChannelLink(connection, channel, {
    exchange,
    publisher: { confirmed: () => undefined, refused: () => undefined },
    needed: () => needed,
    onRefused: () => undefined,
    onTaken: () => undefined,
    haste: new Haste(),
    missedForMs: 300,
    unconfirmed: { look: () => undefined },
    drop: () => undefined,
  });
}

type Send = (envelopes: readonly (typeof envelope)[]) => void;

/** Publishes so many by `send`, a turn's worth at a time, and resolves when the channel has heard that all of them are confirmed. */
export function publisherOn(channel: ConfirmChannel): (messages: number, send: Send) => Promise<void> {
  const envelopes = new Array<typeof envelope>(turn).fill(envelope);
  let [sent, confirmed] = [0, 0];
  channel.on("ack", ({ deliveryTag }) => {
    confirmed = Math.max(confirmed, deliveryTag);
  });
  return async (messages, send) => {
    for (let count = 0; count < messages; count += turn) {
      send(envelopes);
      sent += turn;
      await new Promise(setImmediate);
      // Sleeps, since waiting in turns of the event loop would cost more than publishing.
      while (sent - confirmed > window) await Bun.sleep(1);
    }
    while (confirmed < sent) await Bun.sleep(1);
  };
}
