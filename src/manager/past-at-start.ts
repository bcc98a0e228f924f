import type { Broker, LogStart } from "../broker/broker.ts";
import { contentsWith, type Envelope, type Head } from "../envelope/envelope.ts";
import { hasKey, mayHaveKeys, onceIdIn } from "../envelope/once-id.ts";
import { packedContentType } from "../envelope/packing.ts";
import type { Once } from "../gateway/fan-out/once.ts";
import { openForClients } from "../log/opening.ts";
import { LogRecord, type Opener } from "../log/record.ts";
import type { Repeats } from "../log/repeats.ts";
import type { Logger } from "../ops/logger.ts";
import { nothingCame, type PastPart, type PastReader, PastReading } from "./past-reading.ts";

/** Records of the last part that are sent ahead; and of what is older, which is read beside serving. */
const aheadMax = 512;
const olderAheadMax = 128;
/** The past goes back at least this far, in milliseconds: longer than a lost connection takes to be noticed and what it had to be published again. */
const pastMsMin = 120_000;
/** The last part has no more records than this: as many as the ids that a follower remembers. It takes a few seconds. */
const recentRecordsMax = 131_072;
/** Clocks of managers may differ by this, in seconds. */
const leewaySeconds = 5;
/**
 * So many records are read where there is none of the last minutes. The clock here may be ahead of RabbitMQ's, and the log's last part looks older
 * than it is; it is about what a manager has on its way when its connection is lost.
 */
const recentRecordsMin = 1024;
/** The wait before the log is read again after its reading was lost, in milliseconds. */
const retryMsUnlessGiven = 500;
/** Live clients wait this long for it at most, counted from when the way to the log was lost last: nothing comes for them meanwhile. In milliseconds. */
const liveWaitMsMax = 10_000;
/** It is over after this long in any case: the log may have begun anew, and then has no such place. In milliseconds. */
const readingMsMax = 60_000;
/** How long what has a key waits after the start while RabbitMQ is not reached. In milliseconds. */
const awayMsMax = 5000;

/**
 * What a manager has to know of the time before it was started: the idempotency keys that other managers took, and the ids of what
 * may come once more. Both are in the last part of the log, which is read once when this manager begins to follow the log. Until
 * then it is not ready, no durable subscription is served, and what comes for live ones waits.
 *
 * Where so much is published that the last part is shorter than the time for which keys count, the rest of that is read for keys alone
 * while the manager serves. What clients send with a key waits until all of it is read.
 */
export class PastAtStart {
  readonly #broker: Pick<Broker, "read" | "hasLog">;
  readonly #once: Pick<Once, "windowMs" | "learn" | "past">;
  readonly #repeats: Pick<Repeats, "pastFollows" | "markPast" | "pastEnded">;
  readonly #recordBytesMax: number;
  readonly #logger: Logger;
  readonly #retryMs: number;
  #state: "waiting" | "reading" | "known";
  #reading: PastReading | undefined;
  #endsAtMs = 0;
  #waiting: NodeJS.Timeout | undefined;

  /** Called when live clients should wait for it no longer. */
  onLate: () => void = () => undefined;

  /** Called once, when the past is known, but for keys of what is older. */
  onKnown: () => void = () => undefined;

  /**
   * @param recordBytesMax a larger record is not for clients
   * @param retryMs how long it waits before the log is read again after its reading was lost
   */
  constructor(
    broker: Pick<Broker, "read" | "hasLog">,
    once: Pick<Once, "windowMs" | "learn" | "past">,
    repeats: Pick<Repeats, "pastFollows" | "markPast" | "pastEnded">,
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
    repeats.pastFollows();
    once.past.follow(awayMsMax);
  }

  /** Whether it is being read. */
  get isReading(): boolean {
    return this.#state === "reading";
  }

  /** Whether all is known that there is to know, but for keys of what is older. */
  get isKnown(): boolean {
    return this.#state === "known";
  }

  /** From this offset on the manager follows the log. All but the first are passed over. */
  reached(offset: number): void {
    if (this.#state !== "waiting") return;
    this.#state = "reading";
    this.#endsAtMs = performance.now() + readingMsMax;
    this.#once.past.follow(readingMsMax);
    this.#wait();
    const pastMs = Math.max(this.#once.windowMs, pastMsMin);
    const timestamp = Math.floor((Date.now() - pastMs) / 1000) - leewaySeconds;
    this.#readRecent({ timestamp }, offset);
  }

  /** The log has begun anew: this manager reads all of it. */
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

  /** @param oldestSeconds from when on the rest is read for keys afterwards; undefined if there is no rest */
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
    // Those of the last part have been read when older ones are.
    if (seconds !== undefined) this.#once.learn(id, clientId, seconds * 1000, this.isKnown);
  };

  /** A pack that cannot be read has no keys. Its follower warns of it. Requests, which clients do not get, have keys, too. */
  readonly #open: Opener = (record, envelope) => {
    try {
      return openForClients(record, envelope, this.#recordBytesMax, this.#learnKey);
    } catch {
      return contentsWith([]);
    }
  };

  /** @param from the offset of the first record that was read; undefined if not all were */
  #recentEnded(from: number | undefined): void {
    this.#state = "known";
    clearTimeout(this.#waiting);
    this.#repeats.pastEnded(from);
    this.onKnown();
  }

  /** @param why not all was read: a client that repeats a message of those before is not found out then, and a durable subscription may get one twice */
  #allEnded(why?: string): void {
    if (why !== undefined)
      this.#logger.warn("not all of the message log's last part was read at the start", { reason: why });
    this.#once.past.known();
  }
}
