import type { ConfirmChannel } from "amqplib";
import { reasonOf } from "../../../errors.ts";
import type { Publisher, PublishLink, Refusal } from "../../broker.ts";
import type { Life } from "../connection/life.ts";
import { lossOf, refusalOf } from "../connection/watch.ts";
import { closeChannel } from "../frames/innards.ts";

/** Ends the link, and opens another one on a new channel when the promise has resolved. */
export type ReopenAfter = (event: Promise<void>) => void;

/** A link that is told when its channel has ended. */
export interface EndingLink extends PublishLink {
  /** Ends the link: what is sent to it from now on is not written. */
  end(): void;
}

/** If more channels than this are closed in a second, the connection ends, and is set up again after a wait. */
const reopenedPerSecondMax = 500;

/**
 * A publisher's channel. When RabbitMQ closes it over what it was sent, another one is opened at once, since the exchange and its queues
 * are unchanged. Any other end of the channel ends the connection.
 */
export class PublishChannel {
  readonly #life: Life;
  readonly #publisher: Publisher;
  readonly #linkOn: (channel: ConfirmChannel, reopenAfter: ReopenAfter) => EndingLink;
  /** Why RabbitMQ has closed the connection or the channel. */
  #refusal: Refusal | undefined;
  /** The link on the current channel. */
  #link: EndingLink | undefined;
  #reopenedCount = 0;
  #countedSinceMs = 0;

  readonly #isBlocked: () => boolean;

  /**
   * @param linkOn makes the link that publishes on a channel; the link may ask for another channel when something has happened
   * @param isBlocked whether RabbitMQ reads nothing from the connection. It says so once, and not for each channel
   */
  constructor(
    life: Life,
    publisher: Publisher,
    linkOn: (channel: ConfirmChannel, reopenAfter: ReopenAfter) => EndingLink,
    isBlocked: () => boolean,
  ) {
    this.#isBlocked = isBlocked;
    this.#life = life;
    this.#publisher = publisher;
    this.#linkOn = linkOn;
    life.connection.on("error", (error: unknown) => {
      this.#refusal ??= refusalOf(error);
    });
    life.onLoss(() => this.#ended());
  }

  async open(): Promise<void> {
    const { connection, drop } = this.#life;
    const channel = await connection.createConfirmChannel();
    if (this.#life.isOver) return;
    let isLeft = false;
    channel.on("error", (error: Error) => {
      this.#refusal = refusalOf(error);
      if (this.#refusal === undefined || this.#refusal.isDoubtful || this.#isTooOften()) drop(lossOf(error));
      else channel.once("close", () => this.#reopen());
    });
    channel.on("close", () => {
      if (this.#refusal === undefined && !isLeft) drop("channel closed");
    });
    const reopenAfter = (event: Promise<void>) => {
      if (this.#life.isOver || isLeft) return;
      isLeft = true;
      this.#ended();
      this.#openAfter(channel, event).catch((error: unknown) => drop(reasonOf(error)));
    };
    this.#link = this.#linkOn(channel, reopenAfter);
    this.#publisher.opened(this.#link);
    if (this.#isBlocked()) this.#publisher.blocked(true);
  }

  async #openAfter(left: ConfirmChannel, event: Promise<void>): Promise<void> {
    await closeChannel(left);
    await event;
    if (!this.#life.isOver) await this.open();
  }

  #reopen(): void {
    if (this.#life.isOver) return;
    this.#ended();
    this.#refusal = undefined;
    this.open().catch((error: unknown) => this.#life.drop(reasonOf(error)));
  }

  #ended(): void {
    const link = this.#link;
    this.#link = undefined;
    this.#publisher.closed(this.#refusal);
    link?.end();
  }

  #isTooOften(): boolean {
    const nowMs = performance.now();
    if (nowMs - this.#countedSinceMs > 1000) {
      this.#countedSinceMs = nowMs;
      this.#reopenedCount = 0;
    }
    return ++this.#reopenedCount > reopenedPerSecondMax;
  }
}
