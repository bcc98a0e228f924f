import type { ConfirmChannel } from "amqplib";
import type { Logger } from "../../../ops/logger.ts";
import { markContentType } from "../../broker.ts";
import type { Haste } from "../connection/haste.ts";
import type { Life } from "../connection/life.ts";
import type { Drop } from "../connection/watch.ts";
import { exchanges } from "../topology/exchanges.ts";

/**
 * Writes marks into the log, over a connection of its own. RabbitMQ stops reading from a connection that publishes when it is
 * short of memory or disk: that must not be the one that consumes, and a mark that waits there must not wait for messages before it.
 */
export class MarkWriter {
  readonly #logger: Logger;
  readonly #haste: Haste;
  #channel: ConfirmChannel | undefined;
  #writtenCount = 0;
  #takenCount = 0;
  #drop: Drop | undefined;
  #alarm: string | undefined;

  /** Called when it can write again. */
  onFree: () => void = () => undefined;

  /** @param haste hears that the mark's return is waited for */
  constructor(logger: Logger, haste: Haste) {
    this.#logger = logger;
    this.#haste = haste;
  }

  /** Whether what is written now gets to RabbitMQ soon. */
  get isFree(): boolean {
    return this.#channel !== undefined && this.#alarm === undefined;
  }

  /** Whether RabbitMQ has confirmed all that was written: a RabbitMQ that stands still has not. */
  get isTaken(): boolean {
    return this.#takenCount >= this.#writtenCount;
  }

  /** Why RabbitMQ takes no messages; undefined if it does, or if none was written. */
  get blockedWhy(): string | undefined {
    return this.#alarm;
  }

  async setUp(life: Life): Promise<void> {
    const { connection } = life;
    const channel = await life.confirmChannel();
    connection.on("blocked", (reason: string) => {
      this.#alarm = `RabbitMQ does not take messages: ${reason}`;
      this.#logger.debug("broker takes no marks", { reason });
    });
    connection.on("unblocked", () => {
      this.#alarm = undefined;
      this.onFree();
    });
    const end = () => {
      this.#channel = undefined;
      this.#drop = undefined;
      this.#alarm = undefined;
    };
    this.#writtenCount = 0;
    this.#takenCount = 0;
    channel.on("ack", ({ deliveryTag }) => {
      if (this.#channel === channel) this.#takenCount = Math.max(this.#takenCount, deliveryTag);
    });
    life.onLoss(end);
    channel.on("close", end);
    this.#channel = channel;
    this.#drop = life.drop;
    this.onFree();
  }

  /** While it `isFree`; otherwise nothing is written. */
  write(id: string): void {
    if (!this.isFree) return;
    this.#writtenCount++;
    this.#haste.published();
    this.#channel?.publish(exchanges.marks, "", Buffer.alloc(0), {
      contentType: markContentType,
      messageId: id,
      timestamp: Math.floor(Date.now() / 1000),
    });
  }

  /** What was written does not come: another connection may do better. */
  giveUp(why: string): void {
    this.#drop?.(why);
  }
}
