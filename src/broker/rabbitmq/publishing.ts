import type { ChannelModel } from "amqplib";
import type { Log } from "../../ops/log.ts";
import type { Exchange, Publisher } from "../broker.ts";
import type { Announcing } from "./announcing.ts";
import type { Layout } from "./layout.ts";
import type { LinkTiming } from "./link.ts";
import { openPublishChannel } from "./publish-channel.ts";
import { publishLink } from "./publish-link.ts";
import { exchanges, tryLog } from "./topology.ts";
import type { Drop } from "./watch.ts";

export interface Publishing {
  readonly exchange: Exchange;
  readonly publisher: Publisher;
}

export interface PublishingOptions {
  readonly publishings: readonly Publishing[];
  readonly layout: Layout;
  readonly hasLog: boolean;
  readonly log: Log;
  readonly timing: LinkTiming;
  /** Tells managers over this connection which groups this process has. */
  readonly announcing: Announcing | undefined;
}

/** A connection's publishers: each gets a link when all is there that its messages are for. */
export class PublishingConnection {
  readonly #options: PublishingOptions;
  /** Why RabbitMQ takes no messages; undefined if it does. */
  blockedWhy: string | undefined;
  #drop: Drop | undefined;

  constructor(options: PublishingOptions) {
    this.#options = options;
  }

  async setUp(connection: ChannelModel, atLoss: (() => void)[], drop: Drop): Promise<void> {
    const { publishings, layout, hasLog, timing, announcing } = this.#options;
    this.#watchBlocked(connection, atLoss);
    this.#drop = drop;
    atLoss.push(() => {
      this.#drop = undefined;
    });
    const publishedTo = publishings.map(({ exchange }) => exchange);
    await layout.declareFor(publishedTo, connection);
    if (hasLog && publishedTo.some((exchange) => exchange !== exchanges.dead)) await tryLog(connection);
    const { missedForMs } = timing;
    for (const { exchange, publisher } of publishings) {
      const needed = () => layout.needed(exchange);
      await openPublishChannel(connection, publisher, atLoss, drop, (channel, atEnd) =>
        publishLink(connection, channel, { exchange, publisher, needed, missedForMs, atEnd, drop }),
      );
    }
    await announcing?.start(connection, () => this.blockedWhy !== undefined, atLoss, drop);
  }

  /** A queue is missing, as others have noticed: what is on its way to it is published again. */
  missed(queue: string): void {
    const { publishings, layout } = this.#options;
    if (publishings.some(({ exchange }) => layout.needed(exchange).queues.includes(queue)))
      this.#drop?.(`the queue ${queue} is missing: declaring it again`);
  }

  #watchBlocked(connection: ChannelModel, atLoss: (() => void)[]): void {
    const { publishings, log } = this.#options;
    connection.on("blocked", (reason: string) => {
      this.blockedWhy = `RabbitMQ does not take messages: ${reason}`;
      log.warn("broker blocks publishing", { reason });
      for (const { publisher } of publishings) publisher.blocked(true);
    });
    connection.on("unblocked", () => {
      this.blockedWhy = undefined;
      log.info("broker takes messages again");
      for (const { publisher } of publishings) publisher.blocked(false);
    });
    atLoss.push(() => {
      this.blockedWhy = undefined;
    });
  }
}
