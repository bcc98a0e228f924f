import type { ConsumeMessage, Message } from "amqplib";
import type { EventsPeer } from "../../events.ts";
import type { Life } from "../connection/life.ts";
import type { Layout } from "../topology/layout.ts";
import { RabbitmqEventsLink, toOne } from "./events-link.ts";
import {
  controlExchange,
  declareEvents,
  keepSource,
  managersExchange,
  openInbox,
  sourceOf,
} from "./events-topology.ts";
import { PendingConfirms } from "./pending-confirms.ts";
import { RevokedLog } from "./revoked-log.ts";

/** The connection for a manager's events, over which it also hears the other managers. */
export class EventsConnection {
  readonly #peer: EventsPeer;
  #number = 0;

  constructor(peer: EventsPeer) {
    this.#peer = peer;
  }

  /** @param layout declares what events need */
  async setUp(life: Life, layout: Pick<Layout, "declare">): Promise<void> {
    const { connection, drop } = life;
    const source = sourceOf(this.#peer.manager, ++this.#number);
    await layout.declare(connection, async (declaring) => {
      await declareEvents(declaring, source);
      await RevokedLog.declare(declaring);
    });
    const channel = await life.confirmChannel();
    const pending = new PendingConfirms();
    life.outlastSilence(() => pending.settled());
    channel.on("ack", ({ deliveryTag, multiple }) => {
      pending.settle(deliveryTag, multiple);
      if (!life.isOver) this.#peer.confirmed(deliveryTag, multiple);
    });
    // The return comes before the confirm.
    channel.on("return", ({ fields }: Message) => {
      if (!life.isOver) this.#peer.unheard(fields.routingKey);
    });
    channel.on("nack", ({ deliveryTag, multiple }) => {
      pending.settle(deliveryTag, multiple);
      if (!life.isOver) this.#peer.refused(deliveryTag, multiple);
    });
    const telling = await life.channel();
    let link: RabbitmqEventsLink | undefined;
    await openInbox(life, this.#peer.manager, (delivery) => {
      // RabbitMQ may find its voice again after this connection was given up.
      if (!life.isOver) this.#came(delivery, (...answer) => link?.answer(...answer));
    });
    keepSource(life, telling, source);
    connection.on("blocked", () => life.isOver || this.#peer.blocked(true));
    connection.on("unblocked", () => life.isOver || this.#peer.blocked(false));
    const revoked = await RevokedLog.open(connection, this.#peer, drop);
    link = new RabbitmqEventsLink(
      this.#peer.manager,
      connection,
      channel,
      telling,
      source,
      drop,
      revoked,
      pending,
    );
    life.onLoss(() => {
      link?.end();
      this.#peer.closed();
    });
    this.#peer.opened(link);
  }

  #came({ fields, properties, content }: ConsumeMessage, answerTo: RabbitmqEventsLink["answer"]): void {
    const { exchange } = fields;
    if (exchange === managersExchange || properties.type === toOne) this.#peer.told(content);
    else if (exchange === controlExchange) {
      const { replyTo, correlationId } = properties;
      const answer = (body: string) => answerTo(replyTo, { correlationId }, body);
      this.#peer.asked(content, typeof replyTo === "string" ? answer : undefined);
    } else this.#peer.answered(String(properties.correlationId), content);
  }
}
