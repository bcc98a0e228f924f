import type { Logger } from "../../../ops/logger.ts";
import type { FullQueueTiming } from "../connection/link-timing.ts";
import { exchanges } from "./exchanges.ts";
import type { QueueDepth, QueueInspector } from "./queue-inspector.ts";
import { isIdle, isUp, whyRefused } from "./refusing-queue.ts";
import { Suspects } from "./suspects.ts";
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
  readonly #suspects = new Suspects();
  /** Where the message was published to that was refused last. */
  #exchange: string = exchanges.fromClients;
  #lastFullMs = Number.NEGATIVE_INFINITY;
  /** What was logged: which queue is full or down, and since when, in milliseconds. Undefined after it was logged that there is room. */
  #told:
    | { readonly queue: string | undefined; readonly isDown: boolean; readonly sinceMs: number }
    | undefined;
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
    this.#suspects.refusedAgain();
    const first = await inspector.depths(queues());
    remember(first);
    const since = performance.now();
    this.#lastFullMs = since;
    const tryAtMs = since + this.#tryMs;
    this.#tryMs = Math.min(tryMostMs, 2 * this.#tryMs);
    const isLate = () => isOver() || performance.now() >= tryAtMs;
    const known = first.find(({ queue }) => queue === this.#refusing);
    const refusesStill = known === undefined ? undefined : await this.#stillRefuses(known, inspector);
    const refusing = refusesStill === undefined ? await this.#suspects.find(first, inspector, isLate) : known;
    if (isOver()) return;
    if (refusesStill === false) {
      this.#foundRoom();
      return;
    }
    this.#name(refusing);
    this.#tellFull(refusing, since);
    while (!isLate()) {
      await new Promise((resolve) => setTimeout(resolve, this.#timing.lookEveryMs));
      if (isOver()) break;
      const now = await inspector.depths(this.#refusing === undefined ? queues() : [this.#refusing]);
      if (await this.#hasRoom(now, before, inspector)) {
        if (!isOver()) this.#foundRoom();
        break;
      }
      remember(now);
      if (this.#refusing !== undefined) continue;
      const found = await this.#suspects.find(now, inspector, isLate);
      if (found !== undefined && !isOver()) this.#tellFound(found, since);
    }
  }

  /**
   * Whether a queue that has refused messages before does so still; undefined if it does not say. One that was full and is empty, or that was
   * down and is not, need not refuse them any more.
   */
  async #stillRefuses(known: QueueDepth, inspector: QueueInspector): Promise<boolean | undefined> {
    if (isIdle(known) === this.#isDown) return true;
    return await this.#suspects.refuses(known.queue, inspector);
  }

  /** Whether a message may be taken. A queue that is down is asked, since it may be empty and without a consumer when it is served again, too. */
  async #hasRoom(
    now: readonly QueueDepth[],
    before: ReadonlyMap<string, number>,
    inspector: QueueInspector,
  ): Promise<boolean> {
    const left = new Map(now.map((depth) => [depth.queue, depth]));
    const refusing = this.#refusing;
    if (refusing !== undefined && this.#isDown)
      return isUp(left.get(refusing)) || (await this.#suspects.refuses(refusing, inspector)) === false;
    const watched = refusing === undefined ? before.keys() : [refusing];
    return [...watched].some(
      (queue) => (left.get(queue)?.messages ?? 0) < (before.get(queue) ?? 0) * (1 - roomShare),
    );
  }

  /** Notes the queue that refuses messages; undefined if it is not known. */
  #name(refusing: QueueDepth | undefined): void {
    this.#refusing = refusing?.queue;
    this.#isDown = refusing !== undefined && isIdle(refusing);
    const full = this.#isDown ? undefined : refusing?.queue;
    this.waiting = { why: whyRefused(refusing, this.#exchange), queue: full };
  }

  /** What is the matter with the queue that refuses messages. */
  get #what(): string {
    return this.#isDown ? "down" : "full";
  }

  #foundRoom(): void {
    this.#forget();
    this.#tryMs = this.#timing.tryFirstMs;
  }

  #forget(): void {
    this.#refusing = undefined;
    this.#isDown = false;
  }

  /** Logs one line, although a message may be taken and the next one refused. */
  #tellFull(full: QueueDepth | undefined, nowMs: number): void {
    const fields = { ...full, why: this.waiting?.why };
    const told = this.#told;
    if (told !== undefined && told.queue === full?.queue && told.isDown === this.#isDown) {
      this.#logger.debug(`the queue is still ${this.#what}`, fields);
      return;
    }
    this.#told = { queue: full?.queue, isDown: this.#isDown, sinceMs: told?.sinceMs ?? nowMs };
    this.#logger.warn(`a queue is ${this.#what}: what is published waits`, fields);
  }

  #tellFound(found: QueueDepth, nowMs: number): void {
    this.#name(found);
    this.#told = { queue: found.queue, isDown: this.#isDown, sinceMs: this.#told?.sinceMs ?? nowMs };
    this.#logger.warn(`the queue that is ${this.#what} was found`, { ...found, why: this.waiting?.why });
  }

  /** RabbitMQ has taken a message. */
  taken(): void {
    if (this.waiting === undefined || this.#looks > 0) return;
    this.waiting = undefined;
    this.#forget();
    this.#episode = undefined;
    const { queue, isDown, sinceMs } = this.#told ?? {
      queue: undefined,
      isDown: false,
      sinceMs: performance.now(),
    };
    const afterSeconds = Math.round((performance.now() - sinceMs) / 100) / 10;
    const room = { queue, afterSeconds, messagesWaited: this.#waitingCount() };
    this.#calm = setTimeout(() => {
      this.#told = undefined;
      // A refusal after that need not have to do with this queue: RabbitMQ refuses for a moment after a restart, too.
      this.#tryMs = this.#timing.tryFirstMs;
      this.#suspects.clear();
      this.#logger.info(isDown ? "the queue is served again" : "the queue has room again", room);
    }, this.#timing.calmMs);
    this.#calm.unref();
  }

  /** The connection is lost. The full queue may have room meanwhile. */
  lost(): void {
    clearTimeout(this.#calm);
    this.#told = undefined;
    this.waiting = undefined;
    this.#forget();
    this.#suspects.clear();
  }
}
