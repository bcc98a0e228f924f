import type { Logger } from "../../../ops/logger.ts";
import type { FullQueueTiming } from "../connection/link-timing.ts";
import { exchanges } from "./exchanges.ts";
import type { QueueDepth, QueueInspector } from "./queue-inspector.ts";
import { isIdle, isUp, whyRefused } from "./refusing-queue.ts";
import { logStream } from "./topology.ts";

/** A full queue has room again when it has lost this part of its messages. With less, publishers would be stopped again at once. */
const roomShare = 1 / 16;
/** The longest wait before a message is tried, in milliseconds. */
const tryMostMs = 60_000;
/** For this long after a queue was full, a refusal counts as the same incident, in milliseconds. */
const fullAgainMs = 600_000;
/** Refusals that are further apart than this are unrelated, in milliseconds. */
const episodeMs = 120_000;

/**
 * Decides what to do when RabbitMQ refuses messages (basic.nack) on one connection after another: a queue is full (`--queue-max-bytes`), or down.
 * RabbitMQ does not tell which, and every message that is tried is put once more into the queues that are not full. So nothing is tried
 * before the fullest queue has room again, or has gone.
 */
export class FullQueues {
  readonly #logger: Logger;
  readonly #waitingCount: () => number;
  readonly #timing: FullQueueTiming;
  /** The first connection on which messages were refused, and when the last refusal was. */
  #episode: { readonly first: unknown; lastMs: number } | undefined;
  #tryMs: number;
  /** The full queue, or the one that is down, while RabbitMQ refuses everything; undefined until it is found. */
  #refusing: string | undefined;
  /** RabbitMQ has that queue and does not serve it. */
  #isDown = false;
  /** Queues that have taken a message since the last refusal. They are not asked again, since each question costs them another message. */
  readonly #taking = new Set<string>();
  /** Where the message was published to that was refused last. */
  #exchange: string = exchanges.fromClients;
  #lastFullMs = Number.NEGATIVE_INFINITY;
  /** What was logged: which queue is full, and since when, in milliseconds. Undefined after it was logged that there is room. */
  #told: { readonly queue: string | undefined; readonly sinceMs: number } | undefined;
  /** Runs until it is logged that there is room. */
  #calm: ReturnType<typeof setTimeout> | undefined;
  /** How many wait for room: one, and perhaps another one for a connection that was lost meanwhile. */
  #looks = 0;
  /** Why publishing waits, and for which full queue if that is known; undefined if it does not wait. */
  waiting: { readonly why: string; readonly queue: string | undefined } | undefined;

  /** @param waitingCount messages that wait for RabbitMQ */
  constructor(logger: Logger, waitingCount: () => number, timing: FullQueueTiming) {
    this.#logger = logger;
    this.#waitingCount = waitingCount;
    this.#timing = timing;
    this.#tryMs = timing.tryFirstMs;
  }

  /**
   * A message was refused on this connection. Returns whether messages were refused before, on another connection, so that this connection
   * is not the cause.
   *
   * @param nowMs milliseconds on a clock that never goes back
   */
  refused(connection: unknown, nowMs: number): boolean {
    if (nowMs - this.#lastFullMs < fullAgainMs) return true;
    const episode = this.#episode;
    if (episode === undefined || nowMs - episode.lastMs > episodeMs) {
      this.#episode = { first: connection, lastMs: nowMs };
      this.#tryMs = this.#timing.tryFirstMs;
      return false;
    }
    episode.lastMs = nowMs;
    return episode.first !== connection;
  }

  /**
   * Resolves when a message may be tried again. `waiting` stays set until one is taken.
   *
   * @param exchange where the refused message was published to
   * @param queues the queues that may be full, as far as is known when it is called: a manager that has just started learns of more
   * @param isOver whether nobody waits for room any more
   */
  async room(
    exchange: string,
    queues: () => readonly string[],
    inspector: QueueInspector,
    isOver: () => boolean,
  ): Promise<void> {
    this.#looks++;
    this.#exchange = exchange;
    try {
      await this.#wait(() => queues().filter((queue) => queue !== logStream), inspector, isOver);
    } finally {
      this.#looks--;
    }
  }

  async #wait(
    queues: () => readonly string[],
    inspector: QueueInspector,
    isOver: () => boolean,
  ): Promise<void> {
    clearTimeout(this.#calm);
    this.waiting ??= { why: "RabbitMQ refuses messages: a queue seems to be full", queue: undefined };
    const before = new Map<string, number>();
    const remember = (depths: readonly QueueDepth[]) => {
      for (const { queue, messages } of depths) if (!before.has(queue)) before.set(queue, messages);
    };
    this.#taking.clear();
    const first = await inspector.depths(queues());
    remember(first);
    this.#name(await this.#findRefusing(first, inspector));
    const since = performance.now();
    this.#lastFullMs = since;
    this.#tellFull(
      first.find(({ queue }) => queue === this.#refusing),
      since,
    );
    const tryAtMs = since + this.#tryMs;
    this.#tryMs = Math.min(tryMostMs, 2 * this.#tryMs);
    while (!isOver() && performance.now() < tryAtMs) {
      await new Promise((resolve) => setTimeout(resolve, this.#timing.lookEveryMs));
      if (isOver()) break;
      const now = await inspector.depths(this.#refusing === undefined ? queues() : [this.#refusing]);
      const left = new Map(now.map((depth) => [depth.queue, depth]));
      const watched = this.#refusing === undefined ? before.keys() : [this.#refusing];
      const hasRoom = (queue: string) =>
        this.#isDown
          ? isUp(left.get(queue))
          : (left.get(queue)?.messages ?? 0) < (before.get(queue) ?? 0) * (1 - roomShare);
      if ([...watched].some(hasRoom)) {
        this.#forget();
        this.#tryMs = this.#timing.tryFirstMs;
        break;
      }
      remember(now);
      const found = this.#refusing === undefined ? await this.#findRefusing(now, inspector) : undefined;
      if (found === undefined) continue;
      this.#name(found);
      this.#logger.warn(`the queue that is ${this.#isDown ? "down" : "full"} was found`, {
        ...found,
        why: this.waiting.why,
      });
    }
  }

  /** Notes the queue that refuses messages; undefined if it is not known. */
  #name(refusing: QueueDepth | undefined): void {
    this.#refusing = refusing?.queue;
    this.#isDown = refusing !== undefined && isIdle(refusing);
    const full = this.#isDown ? undefined : refusing?.queue;
    this.waiting = { why: whyRefused(refusing, this.#exchange), queue: full };
  }

  /**
   * Finds the queue that refuses messages. The queues with the most messages are asked first. An empty queue is not full, whatever its cap, but
   * may be down: only one that nobody consumes can be, so no others are asked. Nor are empty dead letters, in which the question would stay.
   */
  async #findRefusing(
    depths: readonly QueueDepth[],
    inspector: QueueInspector,
  ): Promise<QueueDepth | undefined> {
    const known = depths.find(({ queue }) => queue === this.#refusing);
    if (known !== undefined) return known;
    const mayRefuse = (depth: QueueDepth) =>
      depth.messages > 0 || (isIdle(depth) && depth.queue !== exchanges.dead);
    const suspects = depths.filter((depth) => mayRefuse(depth) && !this.#taking.has(depth.queue));
    for (const depth of suspects.toSorted((one, other) => other.messages - one.messages)) {
      if (await inspector.refuses(depth.queue)) return depth;
      this.#taking.add(depth.queue);
    }
    return undefined;
  }

  #forget(): void {
    this.#refusing = undefined;
    this.#isDown = false;
    this.#taking.clear();
  }

  /** Logs one line, although a message may be taken and the next one refused. */
  #tellFull(full: QueueDepth | undefined, nowMs: number): void {
    const fields = { ...full, why: this.waiting?.why };
    if (this.#told !== undefined && this.#told.queue === full?.queue) {
      this.#logger.debug("the queue is still full", fields);
      return;
    }
    this.#told = { queue: full?.queue, sinceMs: this.#told?.sinceMs ?? nowMs };
    this.#logger.warn(`a queue is ${this.#isDown ? "down" : "full"}: what is published waits`, fields);
  }

  /** RabbitMQ has taken a message. */
  taken(): void {
    if (this.waiting === undefined || this.#looks > 0) return;
    const { queue } = this.waiting;
    this.waiting = undefined;
    this.#forget();
    this.#episode = undefined;
    const sinceMs = this.#told?.sinceMs ?? performance.now();
    const afterSeconds = Math.round((performance.now() - sinceMs) / 100) / 10;
    const room = { queue, afterSeconds, messagesWaited: this.#waitingCount() };
    this.#calm = setTimeout(() => {
      this.#told = undefined;
      // A refusal after that need not have to do with this queue: RabbitMQ refuses for a moment after a restart, too.
      this.#tryMs = this.#timing.tryFirstMs;
      this.#logger.info("the queue has room again", room);
    }, this.#timing.calmMs);
    this.#calm.unref();
  }

  /** The connection is lost. The full queue may have room meanwhile. */
  lost(): void {
    clearTimeout(this.#calm);
    this.#told = undefined;
    this.waiting = undefined;
    this.#forget();
  }
}
