import type { Broker, LogStart } from "../broker/broker.ts";
import { contentsWith, type Envelope, type Head } from "../envelope/envelope.ts";
import { mayHaveKeys } from "../envelope/idempotency-key.ts";
import { packedContentType } from "../envelope/packing.ts";
import type { Once } from "../gateway/fan-out/once.ts";
import { openForClients } from "../log/opening.ts";
import { LogRecord, type Opener } from "../log/record.ts";
import type { Repeats } from "../log/repeats.ts";
import { hasKey, onceIdIn } from "../message-id.ts";
import type { Logger } from "../ops/logger.ts";
import { nothingCame, type PastPart, type PastReader, PastReading } from "./past-reading.ts";

/** How many records of the recent part may be on their way at a time. */
const aheadMax = 512;
const olderAheadMax = 128;
/**
 * The least that is read of the past, in milliseconds. It is longer than it takes to notice a lost connection and to publish again what was
 * on it.
 */
const pastMsMin = 120_000;
/** The recent part has at most this many records: as many as the ids that `Repeats` remembers. Reading them takes a few seconds. */
const recentRecordsMax = 131_072;
/** How far the clocks of two managers may differ, in seconds. */
const leewaySeconds = 5;
/**
 * How many records are read if none is younger than `pastMsMin`: this clock may be ahead of RabbitMQ's, so that recent records look older
 * than they are. A manager has about this many on their way when its connection is lost.
 */
const recentRecordsMin = 1024;
/** The wait before the log is read again after its reading was lost, in milliseconds. */
const retryMsUnlessGiven = 500;
/** How long live clients wait for the past at most, counted from the last loss of the way to the log. In milliseconds. */
const liveWaitMsMax = 10_000;
/** Reading ends after this time in any case: if the log has begun anew, it never reaches the end of the part. In milliseconds. */
const readingMsMax = 60_000;
/** How long messages with a key wait after the start if RabbitMQ cannot be reached. In milliseconds. */
const awayMsMax = 5000;

/**
 * What a manager has to learn about the time before its start: the idempotency keys that other managers accepted, and the ids of messages
 * that may be repeated. Both are in the recent part of the log, which is read once, when this manager begins to follow the log. Until that
 * is done the manager is not ready, no durable subscription is served, and messages for live clients wait.
 *
 * In a busy system the recent part may be shorter than the idempotency window. Then the older rest of the window is read for keys alone,
 * while the manager serves. Messages that clients send with a key wait until all of it is read.
 */
export class PastAtStart {
  readonly #broker: Pick<Broker, "read" | "hasLog">;
  readonly #once: Pick<Once, "windowMs" | "learn" | "past">;
  readonly #repeats: Pick<Repeats, "expectPast" | "markPast" | "pastEnded">;
  readonly #recordBytesMax: number;
  readonly #logger: Logger;
  readonly #retryMs: number;
  #state: "waiting" | "reading" | "known";
  #reading: PastReading | undefined;
  #endsAtMs = 0;
  #waiting: NodeJS.Timeout | undefined;

  /** Called when live clients have waited long enough. */
  onLate: () => void = () => undefined;

  /** Called once, when the recent part is read. Keys from before it may still be missing. */
  onKnown: () => void = () => undefined;

  /**
   * @param recordBytesMax larger records are not for clients
   * @param retryMs the wait before the log is read again after its reading was lost
   */
  constructor(
    broker: Pick<Broker, "read" | "hasLog">,
    once: Pick<Once, "windowMs" | "learn" | "past">,
    repeats: Pick<Repeats, "expectPast" | "markPast" | "pastEnded">,
    recordBytesMax: number,
    logger: Logger,
    retryMs = retryMsUnlessGiven,
  ) {
    this.#broker = broker;
    this.#once = once;
    this.#repeats = repeats;
    this.#recordBytesMax = recordBytesMax;
    this.#logger = logger;
    this.#retryMs = retryMs;
    this.#state = broker.hasLog ? "waiting" : "known";
    if (!broker.hasLog) return;
    repeats.expectPast();
    once.past.expect(awayMsMax);
  }

  /** Whether the recent part is being read. */
  get isReading(): boolean {
    return this.#state === "reading";
  }

  /** Whether the recent part is read. Keys from before it may still be missing. */
  get isKnown(): boolean {
    return this.#state === "known";
  }

  /** The manager follows the log from this offset on. Only the first call counts. */
  reached(offset: number): void {
    if (this.#state !== "waiting") return;
    this.#state = "reading";
    this.#endsAtMs = performance.now() + readingMsMax;
    this.#once.past.expect(readingMsMax);
    this.#wait();
    const pastMs = Math.max(this.#once.windowMs, pastMsMin);
    const timestamp = Math.floor((Date.now() - pastMs) / 1000) - leewaySeconds;
    this.#readRecent({ timestamp }, offset);
  }

  /** The log has begun anew. Nothing needs to be read of it: this manager follows it from its beginning. */
  anotherLog(): void {
    this.#reading?.stop();
    if (this.#state === "reading") this.#recentEnded(undefined);
    if (this.#state === "known") this.#allEnded();
  }

  close(): void {
    this.onKnown = () => undefined;
    this.#reading?.stop();
    clearTimeout(this.#waiting);
    if (this.#state !== "known") this.#recentEnded(undefined);
    this.#allEnded();
  }

  #wait(): void {
    clearTimeout(this.#waiting);
    this.#waiting = setTimeout(() => this.onLate(), liveWaitMsMax);
  }

  /** @param oldestSeconds the time from which on the older rest is read for keys afterwards; undefined if there is no rest */
  #readRecent(start: LogStart, until: number, oldestSeconds?: number): void {
    let from: number | undefined;
    const reading = this.#read(
      { start, until, aheadMax },
      {
        record: (offset, exchange, envelope) => {
          if (from === undefined && typeof start === "object" && until - offset > recentRecordsMax) {
            reading.stop();
            this.#readRecent(until - recentRecordsMax, until, start.timestamp);
            return;
          }
          from ??= offset;
          const record = new LogRecord(offset, exchange, envelope, this.#open);
          this.#repeats.markPast(record, envelope);
          this.#learn(record, envelope);
        },
        lost: () => this.#wait(),
        ended: (why) => {
          const isNone = from === undefined && until > 0 && (why === undefined || why === nothingCame);
          if (isNone && typeof start === "object") {
            this.#readRecent(Math.max(0, until - recentRecordsMin), until);
            return;
          }
          this.#recentEnded(why === undefined ? (from ?? until) : undefined);
          if (why === undefined && oldestSeconds !== undefined) this.#readOlder(oldestSeconds, from ?? until);
          else this.#allEnded(why);
        },
      },
    );
  }

  #readOlder(timestamp: number, until: number): void {
    this.#read(
      { start: { timestamp }, until, aheadMax: olderAheadMax },
      {
        record: (offset, exchange, envelope) =>
          this.#learn(new LogRecord(offset, exchange, envelope, this.#open), envelope),
        ended: (why) => this.#allEnded(why),
      },
    );
  }

  #read(part: Pick<PastPart, "start" | "until" | "aheadMax">, reader: PastReader): PastReading {
    const limits = { endsAtMs: this.#endsAtMs, retryMs: this.#retryMs };
    this.#reading = new PastReading(this.#broker, { ...part, ...limits }, reader);
    return this.#reading;
  }

  #learn(record: LogRecord, { contentType, messageId, body }: Envelope): void {
    const isPack = contentType === packedContentType;
    if (isPack ? !mayHaveKeys(body) : messageId === undefined || !hasKey(messageId)) return;
    for (const head of record.heads) this.#learnKey(head);
  }

  readonly #learnKey = ({ id, clientId }: Pick<Head, "id" | "clientId">): void => {
    const seconds = onceIdIn(id)?.seconds;
    // Keys of the older rest come after those of the recent part, and must not replace them.
    if (seconds !== undefined) this.#once.learn(id, clientId, seconds * 1000, this.isKnown);
  };

  /**
   * Opens a record for its keys. A pack that cannot be read has none; the feed warns of it. Requests have keys too, although clients do not
   * get them.
   */
  readonly #open: Opener = (record, envelope) => {
    try {
      return openForClients(record, envelope, this.#recordBytesMax, this.#learnKey);
    } catch {
      return contentsWith([]);
    }
  };

  /** @param from the offset of the first record that was read; undefined if the part was not read to its end */
  #recentEnded(from: number | undefined): void {
    this.#state = "known";
    clearTimeout(this.#waiting);
    this.#repeats.pastEnded(from);
    this.onKnown();
  }

  /** @param why reading ended early: repeats of the messages that were not read cannot be recognized, and a durable subscription may get one twice */
  #allEnded(why?: string): void {
    if (why !== undefined)
      this.#logger.warn(
        "the newest messages in the log could not all be read at the start: some that are sent again may be delivered twice",
        { reason: why },
      );
    this.#once.past.known();
  }
}
