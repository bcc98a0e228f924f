import type { Logger } from "../../../ops/logger.ts";
import type { FullQueueTiming } from "../connection/link-timing.ts";
import { exchanges } from "./exchanges.ts";
import type { QueueDepth, QueueInspector } from "./queue-inspector.ts";
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
 * Decides what to do when RabbitMQ refuses messages (basic.nack) on one connection after another: a queue is full (`--queue-max-bytes`).
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
  /** The full queue, while RabbitMQ refuses everything; undefined until it is found. */
  #refusing: string | undefined;
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
  /** Why publishing waits, and for which queue if that is known; undefined if it does not wait. */
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
      const left = new Map(now.map(({ queue, messages }) => [queue, messages]));
      const watched = this.#refusing === undefined ? before.keys() : [this.#refusing];
      if ([...watched].some((queue) => (left.get(queue) ?? 0) < (before.get(queue) ?? 0) * (1 - roomShare))) {
        this.#forget();
        this.#tryMs = this.#timing.tryFirstMs;
        break;
      }
      remember(now);
      const found = this.#refusing === undefined ? await this.#findRefusing(now, inspector) : undefined;
      if (found === undefined) continue;
      this.#name(found);
      this.#logger.warn("the queue that is full was found", { ...found, why: this.waiting.why });
    }
  }

  /** Notes the full queue; undefined if it is not known. */
  #name(full: QueueDepth | undefined): void {
    this.#refusing = full?.queue;
    this.waiting = { why: whyOf(full, this.#exchange), queue: full?.queue };
  }

  /** Finds the queue that refuses messages. The queues with the most messages are asked first. An empty queue is not full, whatever its cap. */
  async #findRefusing(
    depths: readonly QueueDepth[],
    inspector: QueueInspector,
  ): Promise<QueueDepth | undefined> {
    const known = depths.find(({ queue }) => queue === this.#refusing);
    if (known !== undefined) return known;
    const filled = depths.filter(({ queue, messages }) => messages > 0 && !this.#taking.has(queue));
    for (const depth of filled.toSorted((one, other) => other.messages - one.messages)) {
      if (await inspector.refuses(depth.queue)) return depth;
      this.#taking.add(depth.queue);
    }
    return undefined;
  }

  #forget(): void {
    this.#refusing = undefined;
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
    this.#logger.warn("a queue is full: what is published waits", fields);
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

/** @param full undefined if the queue is not known: another program's, that of a group that is not in the ledger, or one that is down */
function whyOf(full: QueueDepth | undefined, exchange: string): string {
  if (full === undefined)
    return `RabbitMQ refuses messages: a queue bound to ${exchange} is full, or down; rabbitmqctl list_queues name state messages consumers shows which`;
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
