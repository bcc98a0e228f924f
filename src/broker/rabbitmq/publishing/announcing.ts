import type { Channel } from "amqplib";
import type { Life } from "../connection/life.ts";
import { closeChannel } from "../frames/innards.ts";
import { openingChannel } from "../frames/opening-channel.ts";
import { around, exchanges } from "../topology/exchanges.ts";
import { writeGroup } from "../topology/group-ledger.ts";
import { type groupMarks, writeGroupMark } from "../topology/group-marks.ts";
import { announceEveryMs } from "../topology/live-groups.ts";
import { groupQueue } from "../topology/topology.ts";

/**
 * How long a set-up takes before groups are announced in the middle of it. In milliseconds. What is published earlier would have RabbitMQ
 * block the connection in an alarm, in which a set-up that publishes nothing goes on.
 */
const earlyAfterMs = 500;

/** Announces which groups' queues have to exist: to managers, by marks in the log, and once to the ledger of groups, which outlives the log. */
export class Announcing {
  readonly #name: string;
  readonly #groups: readonly string[];
  #channel: Channel | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Whether the queues were in force once. So if one of them has gone, others shall miss it. */
  #wereInForce = false;

  /** @param name this process's name */
  constructor(name: string, groups: readonly string[]) {
    this.#name = name;
    this.#groups = groups;
  }

  /**
   * Announces groups while the connection is still being set up, if that takes long and their queues exist or were in force once: setting
   * up may be cut off again and again, and a group that nobody hears counts as given up. The queue of a new group is for its processor to
   * declare, so such a group is not announced before. A queue that exists is bound first, since managers that hear of it rely on that.
   *
   * @param isBlocked whether RabbitMQ takes no messages at the moment, so that announcements would pile up
   */
  startEarly(life: Life, isBlocked: () => boolean): void {
    // What is in the way of this is in the way of the set-up too, which reports it.
    this.#startEarly(life, isBlocked).catch(() => undefined);
  }

  async #startEarly(life: Life, isBlocked: () => boolean): Promise<void> {
    const channel = await this.#earlyChannel(life);
    if (!life.isOver && this.#channel === undefined) this.#startOn(channel, life, isBlocked, earlyAfterMs);
    else await closeChannel(channel);
  }

  /** Opens a channel, with the groups' queues bound. @throws Error if one of these does not exist, and they were never in force */
  async #earlyChannel(life: Life): Promise<Channel> {
    const bind = (channel: Channel) => (queue: string) =>
      channel.bindQueue(queue, around.queues(exchanges.fromClients), "");
    try {
      return await openedWith(life, (channel) => this.#groups.map(groupQueue).map(bind(channel)));
    } catch (error) {
      if (!this.#wereInForce) throw error;
      // If a queue that was in force has gone, everybody shall miss it until the set-up has declared it. RabbitMQ has closed the channel.
      return await openedWith(life, () => []);
    }
  }

  /** Announces groups whose queues are in force. @param isBlocked see `startEarly` */
  async start(life: Life, isBlocked: () => boolean): Promise<void> {
    const channel = await life.channel();
    const early = this.#channel;
    this.#wereInForce = true;
    this.#startOn(channel, life, isBlocked, 0);
    const nowMs = Date.now();
    for (const group of this.#groups) writeGroup(channel, { group, seenMs: nowMs, isRemoved: false }, nowMs);
    // Nothing has to wait for that. It fails if the connection ends, which the link is told.
    if (early !== undefined) closeChannel(early).catch(() => undefined);
  }

  /** @param afterMs when groups are announced first; 0: at once */
  #startOn(channel: Channel, life: Life, isBlocked: () => boolean, afterMs: number): void {
    this.#end();
    this.#channel = channel;
    const begin = () => {
      this.#publish("here");
      this.#timer = setInterval(() => {
        if (!isBlocked()) this.#publish("here");
      }, announceEveryMs);
    };
    if (afterMs === 0) begin();
    else this.#timer = setTimeout(begin, afterMs);
    const end = () => {
      if (this.#channel === channel) this.#end();
    };
    channel.on("close", end);
    life.onLoss(end);
  }

  /** Announces that the queue of a group has gone, so that all publishers learn of it before it exists again. Resolves when RabbitMQ has read it. */
  async gone(group: string): Promise<void> {
    this.#publish("gone", [group]);
    // RabbitMQ answers this question after it has read what was published before.
    await this.#channel?.checkExchange(exchanges.marks);
  }

  #publish(what: keyof typeof groupMarks, groups = this.#groups): void {
    const channel = this.#channel;
    if (channel !== undefined) for (const group of groups) writeGroupMark(channel, what, group, this.#name);
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#channel = undefined;
  }
}

/** Opens a channel, and asks questions on it. Resolves when RabbitMQ has answered them. */
async function openedWith(
  life: Life,
  ask: (channel: Channel) => readonly Promise<unknown>[],
): Promise<Channel> {
  const { channel, opened } = openingChannel(life.connection);
  // RabbitMQ closes the channel if what a question or a message is about does not exist. The questions report that.
  channel.on("error", () => undefined);
  await Promise.all([opened, ...ask(channel)]);
  return channel;
}
