import type { Channel } from "amqplib";
import { markContentType } from "../../broker.ts";
import type { Life } from "../connection/life.ts";
import { exchanges } from "../topology/exchanges.ts";
import { writeGroup } from "../topology/group-ledger.ts";
import { announceEveryMs, groupMarks } from "../topology/live-groups.ts";

/** Announces which groups' queues have to exist: to managers, by marks in the log, and once to the ledger of groups, which outlives the log. */
export class Announcing {
  readonly #name: string;
  readonly #groups: readonly string[];
  #channel: Channel | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param name this process's name */
  constructor(name: string, groups: readonly string[]) {
    this.#name = name;
    this.#groups = groups;
  }

  /** @param isBlocked whether RabbitMQ takes no messages at the moment, so that announcements would pile up */
  async start(life: Life, isBlocked: () => boolean): Promise<void> {
    const channel = await life.channel();
    this.#channel = channel;
    this.#publish("here");
    const nowMs = Date.now();
    for (const group of this.#groups) writeGroup(channel, { group, seenMs: nowMs, isRemoved: false }, nowMs);
    this.#timer = setInterval(() => {
      if (!isBlocked()) this.#publish("here");
    }, announceEveryMs);
    life.onLoss(() => this.#end());
    channel.on("close", () => this.#end());
  }

  /** Announces that this process leaves. Resolves when RabbitMQ has read it. */
  async leave(): Promise<void> {
    const channel = this.#channel;
    if (channel === undefined) return;
    this.#publish("leaving");
    this.#end();
    // RabbitMQ answers this question after it has read what was published before.
    await channel.checkExchange(exchanges.marks);
  }

  /** Announces that the queue of a group has gone, so that all publishers learn of it before it exists again. Resolves when RabbitMQ has read it. */
  async gone(group: string): Promise<void> {
    this.#publish("gone", [group]);
    await this.#channel?.checkExchange(exchanges.marks);
  }

  #publish(what: keyof typeof groupMarks, groups = this.#groups): void {
    for (const group of groups) {
      this.#channel?.publish(exchanges.marks, group, Buffer.alloc(0), {
        contentType: markContentType,
        messageId: groupMarks[what],
        appId: this.#name,
        timestamp: Math.floor(Date.now() / 1000),
      });
    }
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#channel = undefined;
  }
}
