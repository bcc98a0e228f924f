import type { ConfirmChannel } from "amqplib";
import { reasonOf } from "../../../errors.ts";
import type { Logger } from "../../../ops/logger.ts";
import type { Exchange, Publisher } from "../../broker.ts";
import type { Haste } from "../connection/haste.ts";
import type { Life } from "../connection/life.ts";
import type { LinkTiming } from "../connection/link-timing.ts";
import type { Drop } from "../connection/watch.ts";
import { exchanges, isInner, publishedBy } from "../topology/exchanges.ts";
import { FullQueues } from "../topology/full-queues.ts";
import type { Layout } from "../topology/layout.ts";
import { inspectorOn, type QueueInspector } from "../topology/queue-inspector.ts";
import { tryLog } from "../topology/try-log.ts";
import { Alarm } from "./alarm.ts";
import type { Announcing } from "./announcing.ts";
import { PublishChannel, type ReopenAfter } from "./publish-channel.ts";
import { ChannelLink } from "./publish-link.ts";
import { Unconfirmed } from "./unconfirmed.ts";
import { Witnesses } from "./witnesses.ts";

/** A publisher and its exchange. */
export interface Publishing {
  readonly exchange: Exchange;
  readonly publisher: Publisher;
}

/** What the publishers of a connection share. */
export interface PublishingOptions {
  /** All publishers of the connection. */
  readonly publishings: readonly Publishing[];
  readonly layout: Layout;
  /** All processor groups that were ever recorded, whether or not anybody consumes them. */
  groupsInLedger(): readonly string[];
  /** Whether there is a log. */
  readonly hasLog: boolean;
  /** Whether other programs get plain copies of what Warren's roles send one another. */
  readonly hasCopies: boolean;
  readonly logger: Logger;
  readonly timing: LinkTiming;
  /** Is told of each write. */
  readonly haste: Haste;
  /** Announces over this connection which groups this process has. */
  readonly announcing: Announcing | undefined;
}

/** The publishers of a connection. Each gets a link when everything exists that its messages have to reach. */
export class PublishingConnection {
  readonly #options: PublishingOptions;
  readonly #full: FullQueues;
  readonly #alarm: Alarm;
  readonly #witnesses: Witnesses;
  #drop: Drop | undefined;
  /** Where a queue is full: what is waited for in this life of the connection. */
  #room: { readonly life: Life; readonly came: Promise<void> } | undefined;
  /** The publishers that have a channel and wait for it, and what each of them waits for. */
  readonly #held = new Map<Publisher, Promise<void>>();

  constructor(options: PublishingOptions) {
    this.#options = options;
    const { logger, publishings, timing } = options;
    const waitingCount = () => publishings.reduce((sum, { publisher }) => sum + publisher.waitingCount, 0);
    this.#full = new FullQueues(logger, waitingCount, timing.fullQueue);
    this.#alarm = new Alarm(logger, waitingCount);
    this.#witnesses = new Witnesses(logger);
  }

  /** Why RabbitMQ takes no messages; undefined if it does. */
  get blockedWhy(): string | undefined {
    return this.#alarm.why ?? this.#full.waiting?.why;
  }

  /** The queue that is full, so that publishing waits for it; undefined if none is known to be. */
  get fullQueue(): string | undefined {
    return this.#full.waiting?.queue;
  }

  async setUp(life: Life): Promise<void> {
    const { connection, drop } = life;
    const { publishings, layout, hasLog, hasCopies, timing, haste, announcing, logger } = this.#options;
    this.#watchBlocked(life);
    this.#drop = drop;
    life.onLoss(() => {
      this.#drop = undefined;
      this.#alarm.lost();
      this.#full.lost();
      this.#held.clear();
    });
    const isInAlarm = () => this.#alarm.why !== undefined;
    announcing?.startEarly(life, isInAlarm);
    const publishedTo = publishings.map(({ exchange }) => exchange);
    await layout.declareFor(publishedTo, connection);
    const queues = new Set(publishedTo.flatMap((exchange) => layout.needed(exchange).queues));
    const inner = new Set(
      publishedTo.flatMap((exchange) => layout.needed(exchange).exchanges.filter(isInner)),
    );
    const witnesses = await this.#witnesses.open(life, [...queues], [...inner]);
    if (hasLog && publishedTo.some((exchange) => exchange !== exchanges.dead)) await tryLog(connection);
    const { missedForMs, unconfirmedAfterMs } = timing;
    const isExplained = () => this.blockedWhy !== undefined;
    const inspector = inspectorOn(connection);
    for (const { exchange, publisher } of publishings) {
      const needed = () => witnesses.with(layout.needed(exchange));
      const { to, copiesTo } = publishedBy(exchange);
      const linkOn = (channel: ConfirmChannel, reopenAfter: ReopenAfter) =>
        new ChannelLink(connection, channel, {
          exchange: to,
          copiesTo: hasCopies ? copiesTo : undefined,
          publisher,
          needed,
          haste,
          missedForMs,
          unconfirmed: new Unconfirmed(logger, exchange, unconfirmedAfterMs, isExplained),
          onRefused: (isFirst) => {
            const isFull = this.#full.refused(connection, performance.now());
            // Such a channel would go on refusing. A new connection learns the queues' current leaders.
            if (isFirst && !isFull) drop("RabbitMQ refuses the first message on a new channel");
            if (!isFull) return;
            const room = this.#roomOn(life, exchange, inspector);
            if (isFirst) reopenAfter(room);
            else this.#holdUntil(room, publisher, life);
          },
          onTaken: () => this.#full.taken(),
          drop,
        });
      await new PublishChannel(life, publisher, linkOn, isInAlarm).open();
    }
    await announcing?.start(life, isInAlarm);
  }

  /**
   * Resolves when a message may be tried again. All publishers share one wait, since each of them may be refused. A wait on an earlier
   * connection, which was lost, may still be going on; it says nothing about this connection.
   */
  #roomOn(life: Life, exchange: Exchange, inspector: QueueInspector): Promise<void> {
    if (this.#room?.life === life) return this.#room.came;
    const { layout, groupsInLedger } = this.#options;
    const mayBeFull = () => layout.mayBeFull(exchange, groupsInLedger());
    const came = this.#full
      .room(exchange, mayBeFull, inspector, () => life.isOver)
      .finally(() => {
        if (this.#room?.life === life) this.#room = undefined;
      });
    // Each publisher that waits for it handles a failure by itself.
    came.catch(() => undefined);
    this.#room = { life, came };
    return came;
  }

  /** Blocks the publisher until there is room. What is on the wire settles meanwhile, and may be refused, too. */
  #holdUntil(room: Promise<void>, publisher: Publisher, life: Life): void {
    if (this.#held.get(publisher) === room) return;
    this.#held.set(publisher, room);
    publisher.blocked(true);
    const resume = () => {
      if (this.#held.get(publisher) === room) this.#held.delete(publisher);
      if (!life.isOver) publisher.blocked(this.#alarm.why !== undefined);
    };
    room.then(resume, (error: unknown) => life.drop(reasonOf(error)));
  }

  /** Another process has noticed that a queue is missing. What is on its way to it is published again. */
  missed(queue: string): void {
    const { publishings, layout } = this.#options;
    if (publishings.some(({ exchange }) => layout.needed(exchange).queues.includes(queue)))
      this.#drop?.(`the queue ${queue} is missing: declaring it again`);
  }

  #watchBlocked(life: Life): void {
    const { connection } = life;
    const { publishings } = this.#options;
    connection.on("blocked", (reason: string) => {
      this.#alarm.raised(reason);
      for (const { publisher } of publishings) publisher.blocked(true);
    });
    connection.on("unblocked", () => {
      this.#alarm.cleared();
      for (const { publisher } of publishings) if (!this.#held.has(publisher)) publisher.blocked(false);
    });
  }
}
