import type { ConfirmChannel } from "amqplib";
import type { Logger } from "../../../ops/logger.ts";
import { markContentType } from "../../broker.ts";
import type { Haste } from "../connection/haste.ts";
import type { Life } from "../connection/life.ts";
import type { Drop } from "../connection/watch.ts";
import { exchanges } from "../topology/exchanges.ts";

/**
 * Writes marks into the log, over a connection of its own. When RabbitMQ is short of memory or disk it stops reading from connections that
 * publish. So marks must not go over the consuming connection, and must not wait after messages.
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

  /** @param haste is told that the mark is expected back */
  constructor(logger: Logger, haste: Haste) {
    this.#logger = logger;
    this.#haste = haste;
  }

  /** Whether what is written now reaches RabbitMQ soon. */
  get isFree(): boolean {
    return this.#channel !== undefined && this.#alarm === undefined;
  }

  /** Whether RabbitMQ has confirmed everything that was written. If RabbitMQ stands still, it has not. */
  get isTaken(): boolean {
    return this.#takenCount >= this.#writtenCount;
  }

  /** Why RabbitMQ takes no messages; undefined if it does, or if nothing was written. */
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

  /** Writes a mark, if it `isFree`; otherwise nothing is written. */
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

  /** What was written does not come back. Another connection may help. */
  giveUp(why: string): void {
    this.#drop?.(why);
  }
}
