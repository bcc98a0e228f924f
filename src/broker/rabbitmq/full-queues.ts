import type { ChannelModel } from "amqplib";
import { copyHeader } from "../../envelope/envelope.ts";
import { codeOf } from "../../errors.ts";
import type { Logger } from "../../ops/logger.ts";
import { exchanges } from "./exchanges.ts";
import { closeChannel } from "./innards.ts";
import { logStream } from "./topology.ts";

/** How often a full queue is looked at, in milliseconds. */
const defaultLookEveryMs = 1000;
/** A queue that has lost this part of its messages has room again. Less, and publishers would be stopped again at once. */
const roomShare = 1 / 16;
/** Where no queue shows that it has room, a message is tried after this, and after twice as long the next time, in milliseconds. */
const tryFirstMs = 2000;
const tryMostMs = 60_000;
/** So long after a queue was full a refusal is taken for the same, in milliseconds. */
const fullAgainMs = 600_000;
/** Refusals further apart have nothing to do with one another, in milliseconds. */
const episodeMs = 120_000;

/** What RabbitMQ says of a queue. */
export interface QueueDepth {
  /** The queue's name. */
  readonly queue: string;
  /** Messages that wait in it. */
  readonly messages: number;
  /** Those that consume from it. */
  readonly consumers: number;
}

/** A look at queues. */
export interface Look {
  /** Looks at queues. Those that are not there are left out. */
  depths(queues: readonly string[]): Promise<readonly QueueDepth[]>;
  /** Whether a queue refuses what is published to it. It costs a message in the queue if it does not. */
  refuses(queue: string): Promise<boolean>;
}

/**
 * What to do when RabbitMQ refuses a message (basic.nack) on connection after connection: a queue is full (`--queue-max-bytes`).
 * RabbitMQ does not tell which, and every message that is tried reaches the queues that are not full once more. So nothing is
 * tried before the fullest queue has room again, or has gone.
 */
export class FullQueues {
  readonly #logger: Logger;
  readonly #lookEveryMs: number;
  /** The first connection on which messages are refused, and when one was refused last. */
  #episode: { readonly first: unknown; lastMs: number } | undefined;
  #tryMs = tryFirstMs;
  /** Which queue it is that is full, as long as RabbitMQ takes nothing: undefined until it was looked for. */
  #refusing: string | undefined;
  #lastFullMs = Number.NEGATIVE_INFINITY;
  /** It waits for room, and nothing is tried. */
  isLooking = false;
  /** Why publishing waits, and for which queue as far as is known; undefined if it does not. */
  waiting: { readonly why: string; readonly queue: string | undefined } | undefined;

  constructor(logger: Logger, lookEveryMs = defaultLookEveryMs) {
    this.#logger = logger;
    this.#lookEveryMs = lookEveryMs;
  }

  /**
   * A message was refused on this connection. Returns whether others were before, on another connection, so that it is not this
   * one's fault.
   *
   * @param nowMs milliseconds on any clock that only goes forward
   */
  refused(connection: unknown, nowMs: number): boolean {
    if (nowMs - this.#lastFullMs < fullAgainMs) return true;
    const episode = this.#episode;
    if (episode === undefined || nowMs - episode.lastMs > episodeMs) {
      this.#episode = { first: connection, lastMs: nowMs };
      this.#tryMs = tryFirstMs;
      return false;
    }
    episode.lastMs = nowMs;
    return episode.first !== connection;
  }

  /**
   * Resolves when a message may be tried again. It is `waiting` until one is taken.
   *
   * @param queues those that may be full
   * @param isOver whether nobody waits any more
   */
  async room(queues: readonly string[], look: Look, isOver: () => boolean): Promise<void> {
    this.isLooking = true;
    try {
      await this.#wait(queues, look, isOver);
    } finally {
      this.isLooking = false;
    }
  }

  async #wait(queues: readonly string[], look: Look, isOver: () => boolean): Promise<void> {
    const candidates = queues.filter((queue) => queue !== logStream);
    this.waiting = { why: "RabbitMQ refuses messages: a queue seems to be full", queue: undefined };
    const before = await look.depths(candidates);
    this.#refusing ??= (await this.#findRefusing(before, look)) ?? "none that is known";
    const full = before.find(({ queue }) => queue === this.#refusing);
    const since = performance.now();
    this.#lastFullMs = since;
    this.waiting = { why: whyOf(full), queue: full?.queue };
    this.#logger.warn("a queue is full: what is published waits", { ...full, why: this.waiting.why });
    const tryAtMs = since + this.#tryMs;
    this.#tryMs = Math.min(tryMostMs, 2 * this.#tryMs);
    while (!isOver() && performance.now() < tryAtMs) {
      await Bun.sleep(this.#lookEveryMs);
      if (isOver()) break;
      const now = await look.depths(candidates);
      const hasRoom = before.some(({ queue, messages }) => {
        const left = now.find((each) => each.queue === queue)?.messages ?? 0;
        return left < messages * (1 - roomShare);
      });
      if (hasRoom) {
        this.#refusing = undefined;
        this.#tryMs = tryFirstMs;
        break;
      }
    }
  }

  /** Those that have the most in them are asked first. What is empty is not full, whatever its cap. */
  async #findRefusing(depths: readonly QueueDepth[], look: Look): Promise<string | undefined> {
    const filled = depths.filter(({ messages }) => messages > 0);
    for (const { queue } of filled.toSorted((one, other) => other.messages - one.messages))
      if (await look.refuses(queue)) return queue;
    return undefined;
  }

  /** RabbitMQ has taken a message. */
  taken(): void {
    if (this.waiting === undefined || this.isLooking) return;
    this.#logger.info("the queue has room again", { queue: this.waiting.queue });
    this.waiting = undefined;
    this.#refusing = undefined;
    this.#episode = undefined;
  }

  /** The connection is lost: what was full may be so no more. */
  lost(): void {
    this.waiting = undefined;
    this.#refusing = undefined;
  }
}

/** @param full undefined if no queue shows it: a group's that no manager here has heard of */
function whyOf(full: QueueDepth | undefined): string {
  if (full === undefined)
    return "RabbitMQ refuses messages: a queue bound to wsmanager is full; rabbitmqctl list_queues name messages consumers shows which";
  const { queue, messages, consumers } = full;
  if (queue === exchanges.dead)
    return `the queue ${queue} is full with ${messages} messages: look at them and replay or purge them (warren dead-letters)`;
  const group = queue.slice(exchanges.fromClients.length + 1);
  const state =
    consumers === 0
      ? `nobody consumes it: start a processor (--group ${group}), or remove the group if it was abandoned: warren groups remove ${group}`
      : `its ${consumers} consumers are too slow: start more processors (--group ${group})`;
  return `the queue ${queue} of the group ${group} is full with ${messages} messages, and ${state}`;
}

/** Looks by questions on channels of their own, since RabbitMQ closes a channel to say that a queue is not there. */
export function lookOn(connection: ChannelModel): Look {
  return {
    async depths(queues) {
      const found: QueueDepth[] = [];
      for (const queue of queues) {
        const channel = await connection.createChannel();
        channel.on("error", () => undefined);
        try {
          const { messageCount: messages, consumerCount: consumers } = await channel.checkQueue(queue);
          found.push({ queue, messages, consumers });
        } catch (error) {
          if (codeOf(error) === 404) continue;
          throw error;
        }
        await closeChannel(channel);
      }
      return found;
    },
    async refuses(queue) {
      const channel = await connection.createConfirmChannel();
      channel.on("error", () => undefined);
      // To this queue alone, and a copy, which processors pass over.
      const headers = { [copyHeader]: true };
      const isTaken = await new Promise<boolean>((resolve) => {
        channel.once("close", () => resolve(true));
        channel.sendToQueue(queue, Buffer.alloc(0), { headers }, (refusal: unknown) =>
          resolve(refusal === null),
        );
      });
      await closeChannel(channel);
      return !isTaken;
    },
  };
}
